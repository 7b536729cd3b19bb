"""The users of a job: a filter and a search, as in the directory."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from core.database.search.texts import words_of
from core.database.texts import replace_nul
from core.security.actor import Actor
from users.accounts.filters import PERIOD_FILTERS, Period, UserFilterSpec
from users.accounts.models import User, UserQuerySet


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions for users, evaluated whenever they are used."""

    filter: UserFilterSpec = field(default_factory=UserFilterSpec)
    search: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the selection has no condition and so matches all users."""
        return self.search is None and self.filter.is_open

    def users(self, actor: Actor) -> UserQuerySet:
        """Return the matching users who are visible to the actor, unordered.

        Raises `ArgumentInvalidError` and the policy's errors.
        """
        users: UserQuerySet = User.objects.visible_to(actor).exclude_service_accounts()
        if self.search is not None:
            users = users.matching_words(words_of(self.search), actor)
        return self.filter.apply(users, order=None, actor=actor)

    def to_json(self) -> dict[str, Any]:
        """Return the selection as JSON."""
        return {"filter": _to_json(self.filter), "search": self.search}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the selection that `to_json` serialized."""
        return cls(_from_json(value["filter"]), value["search"])


def selected_users(job: Any, actor: Actor) -> UserQuerySet:
    """Return the users who match a live job's selection now and are older than it."""
    # Not None: erasure clears the selection of ended jobs only.
    selection = Selection.from_json(job.selection)
    return selection.users(actor).filter(pk__lt=job.pk)


def _to_json(filter: UserFilterSpec) -> dict[str, Any]:
    conditions = {name: _value(value) for name, value in filter.conditions.items()}
    groups = {"all_of": filter.all_of, "any_of": filter.any_of}
    nested = {name: [*map(_to_json, group)] for name, group in groups.items() if group is not None}
    negated = {"none_of": _to_json(filter.none_of)} if filter.none_of else {}
    return {"conditions": conditions, **nested, **negated}


def _from_json(value: Mapping[str, Any]) -> UserFilterSpec:
    conditions = {
        name: _period(each) if name in PERIOD_FILTERS else each
        for name, each in value["conditions"].items()
    }
    nested = {
        name: [*map(_from_json, value[name])] for name in ("all_of", "any_of") if name in value
    }
    none_of = _from_json(value["none_of"]) if "none_of" in value else None
    return UserFilterSpec(conditions, none_of=none_of, **nested)


def _value(value: Any) -> Any:
    if isinstance(value, Period):
        return _moments(value)
    if isinstance(value, dict):
        return {name: _value(each) for name, each in value.items()}
    # Columns of JSON cannot store NUL, for which conditions find nothing.
    return replace_nul(value) if isinstance(value, str) else value


def _moments(period: Period) -> dict[str, str]:
    ends = {"since": period.since, "before": period.before}
    return {name: moment.isoformat() for name, moment in ends.items() if moment is not None}


def _period(value: Mapping[str, str]) -> Period:
    return Period(**{name: dt.datetime.fromisoformat(each) for name, each in value.items()})
