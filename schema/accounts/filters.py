"""Which people to list."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import strawberry
from django.db.models import Q
from django.utils.translation import gettext as _
from strawberry.scalars import JSON

from core.actor import Actor
from core.db import Sought
from core.errors import ArgumentInvalidError
from schema.nodes import node_key
from users.accounts.filters import (
    FILTERS_IN_ORDER,
    PRIVATE_FILTERS,
    USER_FILTERS,
    Period,
    contained_metadata,
)
from users.accounts.orders import UserOrderField
from users.accounts.policy import may_select_people_by_what_is_private, require
from users.accounts.querysets import UserQuerySet
from users.organizations.filters import has_membership
from users.organizations.models import Role

MAX_DEPTH: Final = 5
MAX_FILTERS: Final = 20
# Ids of nothing, for those that are not of the type they should be.
NO_GROUP: Final = 0
NO_ORGANIZATION: Final = UUID(int=0)
METADATA: Final = frozenset({"public_metadata", "private_metadata"})


@strawberry.input(description="A time, open at the ends that are not given.")
class TimeRange(Period):
    """Half-open, so that ranges that follow each other share no moment."""

    since: dt.datetime | None = strawberry.field(default=None, description="Then or later.")
    before: dt.datetime | None = strawberry.field(default=None, description="Earlier than that.")


@strawberry.input(description="A membership that people have.")
class MembershipFilter:
    """Both conditions are about one and the same membership."""

    organization: strawberry.ID | None = strawberry.field(
        default=None, description="Where, by `id`; anywhere, if not given."
    )
    role: Role | None = strawberry.field(
        default=None, description="As what; as anything, if not given."
    )

    def condition(self, actor: Actor) -> Q:
        """Return the condition that a person has such a membership."""
        conditions: dict[str, Any] = {}
        if self.organization is not None:
            key = node_key(self.organization, "Organization")
            conditions["organization"] = key or NO_ORGANIZATION
        if self.role is not None:
            conditions["role"] = self.role
        return has_membership(actor, **conditions)


@strawberry.input(
    description=f"Which people; all conditions must hold. At most {MAX_FILTERS} filters, nested at "
    f"most {MAX_DEPTH} deep. All but `joined`, `membership` and `publicMetadata` are for staff."
)
class UserFilter:
    """Conditions and combinations of conditions."""

    is_active: bool | None = strawberry.field(default=None, description="Whether they may sign in.")
    is_verified: bool | None = strawberry.field(
        default=None, description="Whether their address was shown to be theirs."
    )
    is_staff: bool | None = strawberry.field(
        default=None, description="Whether they see everybody."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None, description="The `id` of a group they are in."
    )
    membership: MembershipFilter | None = strawberry.field(
        default=None, description="Where they belong, as far as the viewer may know."
    )
    joined: TimeRange | None = strawberry.field(default=None, description="When they joined.")
    last_seen: TimeRange | None = strawberry.field(
        default=None,
        description="When they were last seen; who never was, counts as seen before all others.",
    )
    email_domain: str | None = strawberry.field(
        default=None, description="What follows the @ of their address."
    )
    public_metadata: JSON | None = strawberry.field(
        default=None, description="An object that their public metadata contain."
    )
    private_metadata: JSON | None = strawberry.field(
        default=None, description="An object that their private metadata contain."
    )
    locale: str | None = strawberry.field(default=None, description="The language of their mails.")
    all_of: list["UserFilter"] | None = strawberry.field(
        name="and", default=None, description="Filters that must all hold."
    )
    any_of: list["UserFilter"] | None = strawberry.field(
        name="or", default=None, description="Filters of which one must hold."
    )
    none_of: "UserFilter | None" = strawberry.field(
        name="not", default=None, description="A filter that must not hold."
    )

    def apply(self, people: UserQuerySet, *, order: UserOrderField | None, actor: Actor) -> Any:
        """Return the people who meet the conditions.

        Raises `ArgumentInvalidError` for a filter that is too large or empty, and the policy's
        errors.
        """
        filters = list(self.depths())
        if len(filters) > MAX_FILTERS or max(filters) > MAX_DEPTH:
            raise ArgumentInvalidError(
                _("Give at most %(count)d filters, nested at most %(depth)d deep.")
                % {"count": MAX_FILTERS, "depth": MAX_DEPTH}
            )
        sought = []
        for name, value in self.given(actor):
            in_order = FILTERS_IN_ORDER.get((name, order)) if order else None
            if in_order:
                people = people.filter(in_order(value))
            else:
                sought.append(USER_FILTERS[name](value))
        sought += self.combined(actor)
        return people.meeting(Q(*sought)) if sought else people

    def depths(self, depth: int = 1) -> Iterator[int]:
        """Yield the depth of this filter and of those inside it."""
        yield depth
        for inner in (*(self.all_of or ()), *(self.any_of or ()), self.none_of):
            if inner is not None:
                yield from inner.depths(depth + 1)

    def given(self, actor: Actor) -> Iterator[tuple[str, Any]]:
        """Yield the conditions on the people themselves. Raises the policy's errors."""
        for name in USER_FILTERS:
            value = getattr(self, name)
            if value is not None:
                if name in PRIVATE_FILTERS:
                    require(actor, may_select_people_by_what_is_private)
                yield name, self.prepared(name, value)

    def combined(self, actor: Actor) -> Iterator[Q]:
        """Yield the conditions on memberships, and those of the filters inside this one."""
        if self.membership is not None:
            yield self.membership.condition(actor)
        if self.all_of is not None:
            yield Q(*(each.condition(actor) for each in self.all_of))
        if self.any_of is not None:
            if not self.any_of:
                raise ArgumentInvalidError(_("Give `or` at least one filter."))
            # Each may have an index of its own.
            some = (Sought(each.condition(actor)) for each in self.any_of)
            yield Q(*some, _connector=Q.OR)
        if self.none_of is not None:
            # Wrapped, because Django takes the opposite of no condition for none, too.
            yield ~Q(Sought(self.none_of.condition(actor)))

    def condition(self, actor: Actor) -> Q:
        """Return the filter as one condition. Raises `ArgumentInvalidError` if it is empty."""
        own = [USER_FILTERS[name](value) for name, value in self.given(actor)]
        conditions = [*own, *self.combined(actor)]
        if not conditions:
            raise ArgumentInvalidError(_("A filter inside another must not be empty."))
        return Q(*conditions)

    @staticmethod
    def prepared(name: str, value: Any) -> Any:
        """Return what a condition is made with. Raises `ArgumentInvalidError`."""
        if name == "group":
            return node_key(value, "Group") or NO_GROUP
        return contained_metadata(value) if name in METADATA else value
