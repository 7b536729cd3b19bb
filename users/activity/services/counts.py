"""Counting what is no event."""

import datetime as dt
from collections.abc import Mapping
from typing import Final

from core.database.rows import insert
from users.activity.models import PendingCount

# The columns of `IntervalCounts` by key.
COUNTERS: Final[Mapping[str, str]] = {"mail.sent": "mails_sent", "mail.failed": "mails_failed"}


def add(key: str, at: dt.datetime) -> None:
    """Count one more of ``key``, in the caller's transaction if there is one.

    It shows after the next roll-up. Raises `KeyError` for a key that is not in `COUNTERS`.
    """
    insert(PendingCount(name=COUNTERS[key], day=at.astimezone(dt.UTC).date()))
