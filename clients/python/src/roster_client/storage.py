"""Where the tokens of a session are stored.

A storage keeps one text, which is the client's. Clients with the same storage share a session,
also in several processes.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol


class TokenStorage(Protocol):
    """A storage that `Client` uses, from any thread."""

    def load(self) -> str | None:
        """Return the text; None at first."""

    def save(self, text: str) -> None:
        """Replace the text."""

    def lock(self) -> AbstractContextManager[object]:
        """Exclude all other clients of the storage from replacing the text."""


class AsyncTokenStorage(Protocol):
    """A storage that `AsyncClient` uses."""

    async def load(self) -> str | None:
        """Return the text; None at first."""

    async def save(self, text: str) -> None:
        """Replace the text."""

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Exclude all other clients of the storage from replacing the text."""


class MemoryStorage:
    """A `TokenStorage` that ends with the process."""

    def __init__(self, text: str | None = None) -> None:
        """Start with a text that another storage has had."""
        self._text = text
        self._lock = threading.Lock()

    def load(self) -> str | None:
        """Return the text; None at first."""
        return self._text

    def save(self, text: str) -> None:
        """Replace the text."""
        self._text = text

    def lock(self) -> AbstractContextManager[object]:
        """Exclude the other threads."""
        return self._lock


class AsyncMemoryStorage:
    """An `AsyncTokenStorage` that ends with the process."""

    def __init__(self, text: str | None = None) -> None:
        """Start with a text that another storage has had."""
        self._text = text
        self._lock = asyncio.Lock()

    async def load(self) -> str | None:
        """Return the text; None at first."""
        return self._text

    async def save(self, text: str) -> None:
        """Replace the text."""
        self._text = text

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Exclude the other tasks."""
        return self._lock
