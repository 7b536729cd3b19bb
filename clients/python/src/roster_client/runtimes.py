"""What differs between threads and asyncio.

The flows are coroutines. `Client` runs them in the calling thread by `run`, since with its runtime
they never suspend; `AsyncClient` awaits them.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar

import httpx

from roster_client.errors import NetworkError
from roster_client.storage import TokenStorage

Result = TypeVar("Result")
Task = Callable[[], Coroutine[Any, Any, Result]]

# Of httpx clients that this package makes; uploads and wide pages take longer than httpx's 5.
TIMEOUT_SECONDS: Final = 30


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    coroutine.close()
    raise RuntimeError("A flow of the sync client has suspended.")


class SharedTask(ABC, Generic[Result]):
    """A task that does not run twice at once: callers share its outcome."""

    @abstractmethod
    async def __call__(self, task: Task[Result]) -> Result:
        """Run the task, or wait for the run in progress."""


class Runtime(ABC):
    """Sends requests and makes shared tasks."""

    @abstractmethod
    async def send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        """Return the response to a request. Raises `NetworkError`."""

    @abstractmethod
    def shared_task(self) -> SharedTask[Any]:
        """Return a shared task of this runtime."""


class ThreadSharedTask(SharedTask[Result]):
    """A task that threads share; the first runs it."""

    def __init__(self) -> None:
        """Run nothing yet."""
        self._lock = threading.Lock()
        self._running: Future[Result] | None = None

    async def __call__(self, task: Task[Result]) -> Result:
        """Run the task, or block until the thread that runs it is done."""
        with self._lock:
            running = self._running
            outcome = self._running = running or Future()
        if running is None:
            try:
                outcome.set_result(await task())
            except BaseException as error:  # noqa: BLE001 - is raised below, in all threads
                outcome.set_exception(error)
            finally:
                self._running = None
        return outcome.result()


class ThreadRuntime(Runtime):
    """Runs flows in the calling thread."""

    def __init__(self, http: httpx.Client) -> None:
        """Send requests by a client that others may use as well."""
        self._http = http

    async def send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        """Send a request without cookies: the bearer token is the only credential."""
        request = self._http.build_request(method, url, **arguments)
        request.headers.pop("Cookie", None)
        try:
            return self._http.send(request)
        except httpx.HTTPError as error:
            raise NetworkError("The service cannot be reached.") from error

    def shared_task(self) -> SharedTask[Any]:
        """Return a task that threads share."""
        return ThreadSharedTask()


class AsyncioSharedTask(SharedTask[Result]):
    """A task that goes on if the caller that started it is cancelled."""

    def __init__(self) -> None:
        """Run nothing yet."""
        self._running: asyncio.Task[Result] | None = None

    async def __call__(self, task: Task[Result]) -> Result:
        """Run the task, or wait for the run in progress."""
        if self._running is None:
            self._running = asyncio.create_task(task())
            self._running.add_done_callback(self._finish)
        return await asyncio.shield(self._running)

    def _finish(self, _task: asyncio.Task[Result]) -> None:
        self._running = None


class AsyncioRuntime(Runtime):
    """Runs flows in tasks of asyncio."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Send requests by a client that others may use as well."""
        self._http = http

    async def send(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        """Send a request without cookies: the bearer token is the only credential."""
        request = self._http.build_request(method, url, **arguments)
        request.headers.pop("Cookie", None)
        try:
            return await self._http.send(request)
        except httpx.HTTPError as error:
            raise NetworkError("The service cannot be reached.") from error

    def shared_task(self) -> SharedTask[Any]:
        """Return a task that tasks of the event loop share."""
        return AsyncioSharedTask()


class ThreadStorage:
    """A `TokenStorage` for flows that never suspend."""

    def __init__(self, storage: TokenStorage) -> None:
        """Call the storage in the thread of the flow."""
        self._storage = storage

    async def load(self) -> str | None:
        """Return the text; None at first."""
        return self._storage.load()

    async def save(self, text: str) -> None:
        """Replace the text."""
        self._storage.save(text)

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Exclude all other clients of the storage."""
        with self._storage.lock():
            yield
