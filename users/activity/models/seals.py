"""The hash chain over events, which detects changed, removed and reordered events.

Ids do not follow commit order: a transaction may commit long after it has created an id. So a
separate sealer orders committed events, and recording an event never waits for the chain.
"""

import datetime as dt
import hashlib
import json
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from core.database.append_only import AppendOnly

# The predecessor of the first seal.
GENESIS: Final = hashlib.sha256(b"roster/audit-trail/1").digest()
# The columns of an event; a test enforces completeness. `organization_id` is compared with `data`.
SEALED: Final = (
    *("id", "tag", "actor_id", "subject_id", "session_id", "data", "details_digest", "created_at"),
)


class EventSeal(AppendOnly):
    """An event's position in the chain, and the hash of the chain up to it.

    It has no foreign key constraint, so that a removed event leaves its seal as evidence.
    """

    sequence = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(
        "activity.Event", on_delete=models.DO_NOTHING, related_name="seal", db_constraint=False
    )
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        """Return the position."""
        return f"seal {self.pk}"


def hash_after(previous: bytes, sequence: int, event: Any) -> bytes:
    """Return the hash of the chain up to the event, at position ``sequence``.

    SHA-256 over the previous hash, the position (eight bytes, big-endian) and the event's columns
    as a canonical JSON array. Details are included by their salted digest, so erasing them does
    not break the chain.
    """
    values = [_canonical(getattr(event, name)) for name in SEALED]
    row = json.dumps(values, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(previous + sequence.to_bytes(8, "big") + row.encode()).digest()


def _canonical(value: object) -> object:
    """Return the value in its canonical JSON form."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return value
