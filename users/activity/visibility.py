"""Visibility of events by rules of the apps above."""

from collections.abc import Callable, Sequence
from typing import Final

from django.db.models import Q

from core.security.actor import Actor

EventRule = Callable[[Actor], Q]

_event_rules: Final[list[EventRule]] = []


def register_event_rule(rule: EventRule) -> EventRule:
    """Register the decorated function as a further condition of `EventQuerySet.visible_to`.

    For apps above this one. It is called for signed-in users who are not administrators.
    """
    _event_rules.append(rule)
    return rule


def event_rules() -> Sequence[EventRule]:
    """Return the registered rules."""
    return _event_rules
