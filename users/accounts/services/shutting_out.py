"""Why somebody may not sign in, beyond what this app and the suspensions know of."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from core.errors import Problem

Reason = Callable[[UUID], Problem | None]
Keeper = Callable[[UUID], bool]

_reasons: Final[list[Reason]] = []
_keepers: Final[list[Keeper]] = []


def also_shuts_out(reason: Reason) -> Reason:
    """Register the decorated function, which says what keeps a person out, and what to do."""
    _reasons.append(reason)
    return reason


def what_shuts_out(user_id: UUID) -> Problem | None:
    """Return the first reason that there is for a person not to be let in."""
    return next((problem for reason in _reasons if (problem := reason(user_id))), None)


def also_keeps_out(keeper: Keeper) -> Keeper:
    """Register the decorated function, which has a person stay out when its reason is gone.

    It returns whether they would have been let in.
    """
    _keepers.append(keeper)
    return keeper


def keep_out(user_id: UUID) -> bool:
    """Have a person stay out when no reason is left; return whether they would have been let in."""
    changes = [keeper(user_id) for keeper in _keepers]
    return any(changes)
