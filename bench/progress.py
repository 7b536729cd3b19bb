"""A progress bar."""

import sys
from types import TracebackType
from typing import Final, Self

WIDTH: Final = 30


class Progress:
    """A bar on a terminal; otherwise one line at the end."""

    def __init__(self, title: str, total: int) -> None:
        """Set the title and the number of steps."""
        self.title = title
        self.total = total
        self.done = 0

    def __enter__(self) -> Self:
        """Draw the empty bar."""
        self._draw()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the line."""
        if sys.stderr.isatty():
            sys.stderr.write("\n")
        elif error is None:
            sys.stderr.write(f"{self.title}: done\n")
        sys.stderr.flush()

    def step(self, note: str = "") -> None:
        """Advance by one step, with a note about it."""
        self.done += 1
        self._draw(note)

    def _draw(self, note: str = "") -> None:
        if sys.stderr.isatty():
            bar = "█" * (WIDTH * self.done // max(self.total, 1))
            sys.stderr.write(f"\r{bar:░<{WIDTH}} {self.title} {note}\x1b[K")
            sys.stderr.flush()
