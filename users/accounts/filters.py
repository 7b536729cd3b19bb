"""Filters of users, for lists and bulk actions; an index serves each condition."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan
from django.utils.translation import gettext as _

from core.database.texts import replace_nul
from core.errors import ArgumentInvalidError
from core.security.actor import Actor
from engine.sql.keys import equals_any
from engine.sql.unindexed_filter import UnindexedFilter
from users.accounts.expressions import EmailDomain
from users.accounts.identifiers import canonical_domain_or_folded
from users.accounts.metadata import normalize_metadata
from users.accounts.models import EmailAddress, LastSeen, Metadata, Profile, UserQuerySet
from users.accounts.orders import NEVER, USER_ORDERS, UserOrderField
from users.accounts.policy import may_select_by_private_fields, require

MAX_DEPTH: Final = 5
MAX_FILTERS: Final = 20
MAX_IDS: Final = 100
SEEN: Final = Coalesce("at", NEVER)
Condition = Callable[[Any, Actor], Q]

_conditions: Final[dict[str, Condition]] = {}


def register_filter(name: str) -> Callable[[Condition], Condition]:
    """Register the decorated function as the condition ``name`` of a user filter.

    Apps above this one add conditions on their own tables. The function gets the value and the
    actor.
    """

    def register(condition: Condition) -> Condition:
        _conditions[name] = condition
        return condition

    return register


def _has_metadata(**condition: Any) -> Q:
    return Q(Exists(Metadata.objects.filter(user=OuterRef("pk"), **condition)))


def contained_metadata(value: object, argument: str) -> Any:
    """Return the normalised JSON for a containment filter.

    Raises `ArgumentInvalidError` unless it is an object with a value at some depth: empty objects
    and lists have no entries in a GIN index.
    """
    try:
        contained = normalize_metadata(value)
    except ValidationError as error:
        raise ArgumentInvalidError(f"`{argument}`: {' '.join(error.messages)}") from None
    if not (isinstance(contained, dict) and _has_value(contained)):
        raise ArgumentInvalidError(f"`{argument}`: {_('Give an object with a value in it.')}")
    return contained


def _has_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_value, value.values()))
    return any(map(_has_value, value)) if isinstance(value, list) else True


@dataclass
class Period:
    """A half-open period: ``since`` is included, ``before`` is not; None is unbounded."""

    since: dt.datetime | None = None
    before: dt.datetime | None = None

    @property
    def is_open(self) -> bool:
        """True if neither end is bounded."""
        return self.since is None and self.before is None

    def contains(self, moment: Any) -> Q:
        """Return the condition that an expression is within the period."""
        conditions: list[Any] = []
        if self.since is not None:
            conditions.append(GreaterThanOrEqual(moment, self.since))
        if self.before is not None:
            conditions.append(LessThan(moment, self.before))
        return Q(*conditions)


def has_address(email: str) -> Q:
    """Return the condition that a canonical address is a user's primary or secondary one."""
    secondary = EmailAddress.objects.filter(email=email).values("user")
    # Of both columns there is an index, which an EXISTS in an OR would not use.
    return Q(email=email) | Q(equals_any("pk", ArraySubquery(secondary)))


USER_FILTERS: Final[Mapping[str, Callable[[Any], Q]]] = {
    "is_active": lambda active: Q(is_active=active),
    "is_verified": lambda verified: Q(email_verified_at__isnull=not verified),
    "is_staff": lambda staff: Q(is_staff=staff),
    "is_superuser": lambda superuser: Q(is_superuser=superuser),
    "group": lambda group_id: Q(
        Exists(Group.user_set.through.objects.filter(user=OuterRef("pk"), group=group_id))
    ),
    "joined": lambda period: period.contains(F("date_joined")),
    "last_seen": lambda period: Q(
        Exists(LastSeen.objects.filter(period.contains(SEEN), user=OuterRef("pk")))
    ),
    # Usernames and addresses are in canonical form.
    "username": lambda username: Q(username=username),
    "email": has_address,
    "ids": lambda keys: Q(pk__in=keys),
    "email_domain": lambda domain: Q(Exact(EmailDomain(), canonical_domain_or_folded(domain))),
    "public_metadata": lambda value: _has_metadata(
        public__contains=contained_metadata(value, "publicMetadata")
    ),
    "private_metadata": lambda value: _has_metadata(
        private__contains=contained_metadata(value, "privateMetadata")
    ),
    "locale": lambda locale: Q(
        Exists(Profile.objects.filter(user=OuterRef("pk"), locale=replace_nul(locale)))
    ),
}
# A filter on a private field would disclose its values: an inference side channel.
PERIOD_FILTERS: Final = frozenset({"joined", "last_seen"})
PRIVATE_FILTERS: Final = USER_FILTERS.keys() - {"joined", "public_metadata", "username", "ids"}
# Conditions that the ordering's index serves as a range.
FILTERS_IN_ORDER: Final[Mapping[tuple[str, UserOrderField], Callable[[Any], Q]]] = {
    ("username", UserOrderField.USERNAME): USER_FILTERS["username"],
    ("joined", UserOrderField.JOINED): USER_FILTERS["joined"],
    ("last_seen", UserOrderField.LAST_SEEN): lambda period: period.contains(
        USER_ORDERS[UserOrderField.LAST_SEEN][0]
    ),
    ("email_domain", UserOrderField.EMAIL): USER_FILTERS["email_domain"],
}


@dataclass(frozen=True, slots=True)
class UserFilterSpec:
    """A filter of users: all conditions must hold.

    ``conditions`` has the names of `USER_FILTERS` and `register_filter`. Of the nested filters, all
    of ``all_of`` and one of ``any_of`` must hold, and ``none_of`` must not.
    """

    conditions: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    all_of: Sequence["UserFilterSpec"] | None = None
    any_of: Sequence["UserFilterSpec"] | None = None
    none_of: "UserFilterSpec | None" = None

    def apply(
        self, users: UserQuerySet, *, order: UserOrderField | None, actor: Actor
    ) -> UserQuerySet:
        """Return the users who meet the conditions.

        Raises `ArgumentInvalidError` for a filter that is too large or empty, and the policy's
        errors.
        """
        filters = list(self.depths())
        if len(filters) > MAX_FILTERS or max(filters) > MAX_DEPTH:
            raise ArgumentInvalidError(
                _("Give at most %(count)d filters, nested at most %(depth)d deep.")
                % {"count": MAX_FILTERS, "depth": MAX_DEPTH}
            )
        # Not served by the ordering's index.
        unindexed = []
        for name, value in self._own(actor):
            in_order = FILTERS_IN_ORDER.get((name, order)) if order else None
            if in_order:
                users = users.filter(in_order(value))
            else:
                unindexed.append(USER_FILTERS[name](value))
        unindexed += self._combined(actor)
        return users.matching(Q(*unindexed)) if unindexed else users

    @property
    def is_open(self) -> bool:
        """True if it has no condition and so selects all users."""
        return (
            self.any_of is None
            and self.none_of is None
            and all(each.is_open for each in self.all_of or ())
            and all(isinstance(each, Period) and each.is_open for each in self.conditions.values())
        )

    def depths(self, depth: int = 1) -> Iterator[int]:
        """Yield the depth of this filter and of the nested ones."""
        yield depth
        for inner in (*(self.all_of or ()), *(self.any_of or ()), self.none_of):
            if inner is not None:
                yield from inner.depths(depth + 1)

    def _own(self, actor: Actor) -> Iterator[tuple[str, Any]]:
        """Yield the names and values of `USER_FILTERS`. Raises the policy's errors."""
        for name in USER_FILTERS:
            if name in self.conditions:
                if name in PRIVATE_FILTERS:
                    require(actor, may_select_by_private_fields)
                yield name, self.conditions[name]

    def _combined(self, actor: Actor) -> Iterator[Q]:
        """Yield the registered conditions, and those of the nested filters."""
        for name, condition in _conditions.items():
            if name in self.conditions:
                yield condition(self.conditions[name], actor)
        if self.all_of is not None:
            yield Q(*(each.condition(actor) for each in self.all_of))
        if self.any_of is not None:
            if not self.any_of:
                raise ArgumentInvalidError(_("Give `or` at least one filter."))
            # Wrapped one by one, because another index may serve each alternative.
            alternatives = (UnindexedFilter(each.condition(actor)) for each in self.any_of)
            yield Q(*alternatives, _connector=Q.OR)
        if self.none_of is not None:
            # Wrapped, because Django drops the negation of an empty condition.
            yield ~Q(UnindexedFilter(self.none_of.condition(actor)))

    def condition(self, actor: Actor) -> Q:
        """Return the filter as one condition. Raises `ArgumentInvalidError` if it is empty."""
        own = [USER_FILTERS[name](value) for name, value in self._own(actor)]
        conditions = [*own, *self._combined(actor)]
        if not conditions:
            raise ArgumentInvalidError(_("A filter inside another must not be empty."))
        return Q(*conditions)
