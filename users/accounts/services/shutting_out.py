"""Why somebody may not sign in, beyond what this app and the suspensions know of."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from core.errors import Problem

Reason = Callable[[UUID], Problem | None]

_reasons: Final[list[Reason]] = []


def also_shuts_out(reason: Reason) -> Reason:
    """Register the decorated function, which says what keeps a person out, and what to do."""
    _reasons.append(reason)
    return reason


def what_shuts_out(user_id: UUID) -> Problem | None:
    """Return the first reason that there is for a person not to be let in."""
    return next((problem for reason in _reasons if (problem := reason(user_id))), None)
