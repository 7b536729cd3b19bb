"""Calls that a caller waits for no longer than it wants."""

import subprocess
import sys
from threading import Event, get_ident

import pytest

from core.bounded_calls import BoundedCalls, BusyError

LONG = 60


def test_call_returns_what_the_function_returns() -> None:
    calls = BoundedCalls(2, "test")
    assert calls.run(lambda: "value", LONG) == "value"
    with pytest.raises(ZeroDivisionError):
        calls.run(lambda: 1 / 0, LONG)
    assert calls.run(get_ident, LONG) != get_ident()


def test_calls_beyond_the_threads_are_not_made() -> None:
    calls, may_end = BoundedCalls(2, "test"), Event()
    for _call in range(2):
        with pytest.raises(TimeoutError):
            calls.run(may_end.wait, 0)
    for _call in range(10):
        with pytest.raises(BusyError):
            calls.run(lambda: "value", 0)
    may_end.set()
    assert calls.run(lambda: "value", LONG) == "value"


def test_few_threads_make_many_calls() -> None:
    calls = BoundedCalls(2, "test")
    assert len({calls.run(get_ident, LONG) for _call in range(1_000)}) <= 2


def test_process_ends_without_waiting_for_calls() -> None:
    code = """
import threading
from core.bounded_calls import BoundedCalls
try:
    BoundedCalls(1, "test").run(threading.Event().wait, 0.01)
except TimeoutError:
    print("left")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=LONG
    )
    assert ended.stdout == "left\n"
