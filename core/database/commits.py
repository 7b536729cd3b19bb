"""Whether a block of code committed a change.

What fails afterwards must not be answered as if nothing had happened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from django.db import transaction


@dataclass(slots=True)
class Commits:
    """Whether the block committed a change."""

    happened: bool = False

    def note(self) -> None:
        """Remember a commit."""
        self.happened = True


_observer: Final[ContextVar[Commits | None]] = ContextVar("commits", default=None)


@contextmanager
def observe_commits() -> Iterator[Commits]:
    """Notice the commits of changes that the block announces by `announce_change`."""
    commits = Commits()
    token = _observer.set(commits)
    try:
        yield commits
    finally:
        _observer.reset(token)


def announce_change() -> None:
    """Say that the caller's transaction changes something."""
    commits = _observer.get()
    if commits is not None:
        transaction.on_commit(commits.note, robust=True)
