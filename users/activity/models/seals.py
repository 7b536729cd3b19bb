"""The chain over the events: who changes, removes or moves a sealed one breaks it.

Ids are no order of commits: a transaction may take its time after it has made an id. So the order
of the chain is given by the sealer, to committed events only, and nobody who records an event
waits for it.
"""

import datetime as dt
import hashlib
import json
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from core.database.append_only import AppendOnly

# What the first seal follows.
GENESIS: Final = hashlib.sha256(b"roster/audit-trail/1").digest()
# All columns of an event; a test holds this.
SEALED: Final = (
    *("id", "tag", "actor_id", "subject_id", "session_id", "data", "details_digest", "created_at"),
)


class EventSeal(AppendOnly):
    """One event's place in the chain, and the hash of everything up to it.

    No constraint ties it to the event, because it is to outlive an event that somebody removes.
    """

    sequence = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(
        "activity.Event", on_delete=models.DO_NOTHING, related_name="seal", db_constraint=False
    )
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        """Name the place."""
        return f"seal {self.pk}"


def hash_after(previous: bytes, sequence: int, event: Any) -> bytes:
    """Return the hash of the chain up to the event, in this place of it.

    SHA-256 over the hash before, the place (eight bytes, the most significant first) and the
    event's columns as a JSON array, which reads in one way only. The details are in it by their
    salted digest, so the chain holds when they are erased.
    """
    values = [_canonical(getattr(event, name)) for name in SEALED]
    row = json.dumps(values, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(previous + sequence.to_bytes(8, "big") + row.encode()).digest()


def _canonical(value: object) -> object:
    """Return the value in one form, however it was read."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return value
