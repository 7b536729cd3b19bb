"""Cursors of connections, sealed with the service's key."""

from core.security.crypto import seal, unseal

PURPOSE = "cursor"


class SealedCursors:
    """The engine's codec: cursors are encrypted, and valid in one connection only."""

    def seal(self, position: bytes, scope: str) -> str:
        """Return the cursor of a position."""
        return seal(position, purpose=PURPOSE, context=scope)

    def unseal(self, cursor: str, scope: str) -> bytes:
        """Return the position of a cursor. Raises `UnsealError` if it is not of this scope."""
        return unseal(cursor, purpose=PURPOSE, context=scope)
