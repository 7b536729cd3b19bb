"""Detection of commits within a block of code.

An error after a commit must not be reported as if nothing had changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from django.db import transaction


@dataclass(slots=True)
class Commits:
    """Whether the block has committed a change."""

    happened: bool = False

    def note(self) -> None:
        """Record a commit."""
        self.happened = True


_observer: Final[ContextVar[Commits | None]] = ContextVar("commits", default=None)


@contextmanager
def observe_commits() -> Iterator[Commits]:
    """Record commits of changes that the block announces by `announce_change`."""
    commits = Commits()
    token = _observer.set(commits)
    try:
        yield commits
    finally:
        _observer.reset(token)


def announce_change() -> None:
    """Declare that the current transaction changes data."""
    commits = _observer.get()
    if commits is not None:
        transaction.on_commit(commits.note, robust=True)
