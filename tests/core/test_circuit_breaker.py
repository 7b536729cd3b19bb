"""A circuit opens after consecutive failures, and one probe at a time closes it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Semaphore
from typing import NoReturn

import pytest
from prometheus_client import REGISTRY

from core.circuit_breaker import CircuitBreaker, CircuitOpenError

# For threads that wait for each other; only a failing test waits as long.
SECONDS = 30


class Server:
    """A server that fails on demand and counts its calls."""

    def __init__(self) -> None:
        self.fails = True
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.fails:
            raise OSError
        return "reply"


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker("test", failures=3, seconds=3_600)


@pytest.fixture
def server() -> Server:
    return Server()


def call(breaker: CircuitBreaker, server: Callable[[], str]) -> str:
    """Return the reply, or the name of the error."""
    try:
        return breaker.call(server)
    except (OSError, CircuitOpenError) as error:
        return type(error).__name__


def open_circuit(breaker: CircuitBreaker) -> None:
    def fail() -> NoReturn:
        raise OSError

    while call(breaker, fail) != "CircuitOpenError":
        pass


def gauge() -> float | None:
    return REGISTRY.get_sample_value("circuit_open", {"circuit": "test"})


def test_server_that_fails_is_called_a_few_times(breaker: CircuitBreaker, server: Server) -> None:
    replies = [call(breaker, server) for _number in range(10)]

    assert replies == ["OSError"] * 3 + ["CircuitOpenError"] * 7
    assert server.calls == 3


def test_failures_in_between_do_not_open_the_circuit(
    breaker: CircuitBreaker, server: Server
) -> None:
    for fails in (True, True, False) * 5:
        server.fails = fails
        assert call(breaker, server) == ("OSError" if fails else "reply")


@pytest.mark.parametrize("error", [OSError, MemoryError, KeyboardInterrupt])
def test_failed_probe_leaves_the_circuit_open_until_the_next(
    breaker: CircuitBreaker, server: Server, error: type[BaseException]
) -> None:
    def fail() -> NoReturn:
        raise error

    open_circuit(breaker)
    breaker.retry_at = 0
    with pytest.raises(error):
        breaker.call(fail)
    assert call(breaker, server) == "CircuitOpenError"

    breaker.retry_at = 0
    server.fails = False
    assert [call(breaker, server) for _number in range(3)] == ["reply"] * 3
    assert server.calls == 3


def test_closed_circuit_opens_after_as_many_failures_again(
    breaker: CircuitBreaker, server: Server
) -> None:
    open_circuit(breaker)
    breaker.retry_at = 0
    assert breaker.call(lambda: "reply") == "reply"

    assert [call(breaker, server) for _number in range(4)] == ["OSError"] * 3 + ["CircuitOpenError"]


def test_one_of_many_threads_is_the_probe(breaker: CircuitBreaker) -> None:
    barrier, refused = Barrier(16), Semaphore(0)
    probes = []

    def probe() -> str:
        probes.append(1)
        # Returns once all others have been refused.
        for _number in range(15):
            assert refused.acquire(timeout=SECONDS)
        return "reply"

    def run(_number: int) -> str:
        barrier.wait(SECONDS)
        reply = call(breaker, probe)
        refused.release()
        return reply

    open_circuit(breaker)
    breaker.retry_at = 0
    with ThreadPoolExecutor(16) as pool:
        replies = sorted(pool.map(run, range(16)))

    assert replies == ["CircuitOpenError"] * 15 + ["reply"]
    assert len(probes) == 1
    assert not breaker.is_refusing()


def test_calls_are_not_serialised(breaker: CircuitBreaker) -> None:
    barrier = Barrier(4)

    def meet() -> int:
        return barrier.wait(SECONDS)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _number: breaker.call(meet), range(4))) == [0, 1, 2, 3]


@pytest.mark.parametrize("fails", [True, False])
def test_results_of_earlier_calls_do_not_change_an_open_circuit(
    breaker: CircuitBreaker,
    fails: bool,  # noqa: FBT001
) -> None:
    started, finish = Event(), Event()

    def late() -> str:
        started.set()
        assert finish.wait(SECONDS)
        if fails:
            raise OSError
        return "reply"

    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(call, breaker, late)
        assert started.wait(SECONDS)
        open_circuit(breaker)
        retry_at = breaker.retry_at
        finish.set()
        assert reply.result() == ("OSError" if fails else "reply")

    assert breaker.retry_at == retry_at
    assert breaker.is_refusing()


def test_state_is_a_metric(breaker: CircuitBreaker) -> None:
    assert gauge() == 0
    open_circuit(breaker)
    assert gauge() == 1
    breaker.retry_at = 0
    breaker.call(lambda: "reply")
    assert gauge() == 0
