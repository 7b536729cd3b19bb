"""Progress bars of commands."""

from typing import Final

from django.core.management.base import OutputWrapper

WIDTH: Final = 30


class ProgressBar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, output: OutputWrapper) -> None:
        """Draw on the output of a command."""
        self._output = output
        self._is_watched = output.isatty()

    def show(self, done: int, total: int, what: str) -> None:
        """Draw how much of the total is done, and end the line with the last."""
        if self._is_watched:
            bar = "█" * (WIDTH * done // max(total, 1))
            end = "\n" if done >= total else ""
            self._output.write(f"\r{bar:░<{WIDTH}} {done:,} of {total:,} {what}", ending=end)
            self._output.flush()
