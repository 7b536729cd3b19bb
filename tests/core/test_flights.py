"""Computations that several threads would make at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event
from time import monotonic

import pytest

from core.cache.flights import SingleFlight

THREADS = 16


def later() -> float:
    """Return a time that no thread reaches."""
    return monotonic() + 60


class Work:
    """A computation that leaves a value for others."""

    def __init__(self) -> None:
        self.value: str | None = None
        self.runs = 0
        self.failures = 0

    def find(self) -> str | None:
        return self.value

    def compute(self) -> str:
        self.runs += 1
        if self.runs <= self.failures:
            raise ValueError
        self.value = "found"
        return "computed"


def at_once(call: Callable[[], str]) -> list[str]:
    """Return the results of calls by threads that start together."""
    barrier = Barrier(THREADS)

    def run() -> str:
        barrier.wait()
        try:
            return call()
        except ValueError:
            return "failed"

    with ThreadPoolExecutor(THREADS) as pool:
        return [each.result() for each in [pool.submit(run) for _thread in range(THREADS)]]


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_one_thread_computes_for_all(failures: int) -> None:
    flights: SingleFlight[str] = SingleFlight()
    for _round in range(200):
        work = Work()
        work.failures = failures
        results = at_once(partial(flights.run, "key", work.find, work.compute, until=later()))
        assert work.runs == failures + 1
        assert (results.count("computed"), results.count("failed")) == (1, failures)


def test_no_thread_waits_longer_than_it_may() -> None:
    flights: SingleFlight[str] = SingleFlight()
    started, may_end = Event(), Event()

    def compute_slowly() -> str:
        started.set()
        may_end.wait()
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(flights.run, "key", lambda: None, compute_slowly, until=later())
        started.wait()
        assert flights.run("other key", lambda: None, lambda: "other", until=later()) == "other"
        assert flights.run("key", lambda: None, lambda: "fast", until=0) == "fast"
        may_end.set()
        assert slow.result() == "slow"
    assert flights.run("key", lambda: None, lambda: "next", until=0) == "next"
