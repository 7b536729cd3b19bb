"""Cursors: positions, sealed by the application's codec."""

from collections.abc import Sequence

import orjson

from engine.options import OPTIONS
from engine.relay.errors import InvalidCursorError
from engine.relay.window import Position


def seal_positions(scope: str, positions: Sequence[Position]) -> list[str]:
    """Return the cursors of a page's positions."""
    seal = OPTIONS.cursor_codec.seal
    return [seal(orjson.dumps(position), scope) for position in positions]


def seal_position(scope: str, position: Position) -> str:
    """Return the cursor of a position in the connection of this scope."""
    return OPTIONS.cursor_codec.seal(orjson.dumps(position), scope)


def unseal_position(scope: str, cursor: str | None) -> Position | None:
    """Return the position of a cursor. Raises `InvalidCursorError` if it is of another scope."""
    if cursor is None:
        return None
    try:
        position: Position = orjson.loads(OPTIONS.cursor_codec.unseal(cursor, scope))
    except ValueError:
        raise InvalidCursorError from None
    return position
