"""The engine's options, set once when a process starts."""

from dataclasses import dataclass
from typing import Any, Final, Protocol


class CursorCodec(Protocol):
    """Converts positions to cursors, and back."""

    def seal(self, position: bytes, scope: str) -> str:
        """Return the cursor of a position, which is valid in this scope only."""

    def unseal(self, cursor: str, scope: str) -> bytes:
        """Return the position of a cursor. Raises `ValueError` if it is not of this scope."""


class MissingCodec:
    """The default: an application that selects cursors has to configure a codec."""

    def seal(self, _text: Any, _scope: str) -> Any:
        """Raise `RuntimeError`."""
        raise RuntimeError("Cursors need a codec: call `engine.options.configure`.")

    unseal = seal


@dataclass(slots=True)
class Options:
    """What an application decides for all of its operations.

    Whether statements are prepared is an option of the database connection: psycopg prepares none
    if its `prepare_threshold` is None.
    """

    cursor_codec: CursorCodec


OPTIONS: Final = Options(cursor_codec=MissingCodec())


def configure(*, cursor_codec: CursorCodec) -> None:
    """Set the options, before the first operation."""
    OPTIONS.cursor_codec = cursor_codec
