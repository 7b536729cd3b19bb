"""Rows in the text format of `COPY`."""

import datetime as dt
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

TRUE, FALSE, NULL = "t", "f", r"\N"

# No generated value needs escaping, but those of `bytes_of`.
Row = tuple[str, ...]


@dataclass(slots=True)
class Rows:
    """Rows by table, with columns in the order of `users.demo.bulk.TABLES`."""

    users: list[Row] = field(default_factory=list)
    profiles: list[Row] = field(default_factory=list)
    last_seen: list[Row] = field(default_factory=list)
    groups: list[Row] = field(default_factory=list)
    memberships: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    passkeys: list[Row] = field(default_factory=list)
    api_tokens: list[Row] = field(default_factory=list)
    invitations: list[Row] = field(default_factory=list)
    suspensions: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    event_details: list[Row] = field(default_factory=list)
    pending_counts: list[Row] = field(default_factory=list)


def id_at(seconds: float, rng: random.Random) -> str:
    """Return a UUIDv7 of the given time, from the seeded random numbers."""
    milliseconds = int(seconds * 1_000)
    bits = rng.getrandbits(74)
    value = milliseconds << 80 | 0x7 << 76 | bits >> 62 << 64 | 0x2 << 62 | bits % (1 << 62)
    return f"{value:032x}"


def text_at(seconds: float) -> str:
    """Return a time as PostgreSQL reads it."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


def bytes_of(value: bytes) -> str:
    """Return bytes as PostgreSQL reads them; the backslash is escaped for `COPY`."""
    return rf"\\x{value.hex()}"


def array_of(values: Iterable[str]) -> str:
    """Return an array of words as PostgreSQL reads it."""
    return f"{{{','.join(values)}}}"
