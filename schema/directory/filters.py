"""Filters of the user directory."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

import strawberry
from django.utils.translation import gettext as _
from strawberry import relay
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from core.errors import ArgumentInvalidError
from schema.accounts.types.external_ids import ExternalIdInput
from schema.nodes import node_key, renamed
from schema.organizations.types import MembershipFilter
from users.accounts.filters import (
    MAX_DEPTH,
    MAX_FILTERS,
    MAX_IDS,
    USER_FILTERS,
    Period,
    UserFilterSpec,
)
from users.accounts.identifiers import canonical, canonical_login

# A key that no row has: an id of another type matches nothing.
NO_GROUP: Final = 0


def _user_keys(ids: list[str]) -> list[UUID]:
    if len(ids) > MAX_IDS:
        raise ArgumentInvalidError(_("Give at most %(max)d at a time.") % {"max": MAX_IDS})
    return [key for key in (node_key(each, "User") for each in ids) if key is not None]


# Conditions that differ from what a client sends.
CONDITIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "email": canonical_login,
    "group": lambda id_: node_key(id_, "Group") or NO_GROUP,
    "ids": _user_keys,
    "username": canonical,
}


@strawberry.input
class TimeRange(Period):
    """A half-open time range; a bound that is left out is unbounded."""

    since: dt.datetime | None = strawberry.field(default=None, description="Start, inclusive.")
    before: dt.datetime | None = strawberry.field(default=None, description="End, exclusive.")


@strawberry.input(
    description=f"Conditions that users must meet, all of them. At most {MAX_FILTERS} filters, "
    f"nested at most {MAX_DEPTH} levels deep. Conditions except `ids`, `username`, `joined`, "
    "`membership` and `publicMetadata` are restricted to staff."
)
class UserFilter:
    """A tree of conditions on users."""

    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description=f"`id`s of the users; at most {MAX_IDS}."
    )
    username: str | None = strawberry.field(
        default=None, description="The username, in any spelling."
    )
    email: str | None = strawberry.field(
        default=None, description="A primary or secondary address, in any spelling."
    )
    is_active: bool | None = strawberry.field(
        default=None, description="Whether the user can sign in."
    )
    is_verified: bool | None = strawberry.field(
        default=None, description="Whether the primary address is verified."
    )
    is_staff: bool | None = strawberry.field(default=None, description="Whether the user is staff.")
    is_superuser: bool | None = strawberry.field(
        default=None, description="Whether the user is an administrator."
    )
    group_id: strawberry.ID | None = strawberry.field(
        default=None, description="`id` of a group that the user belongs to."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None,
        description="`id` of a group that the user belongs to.",
        deprecation_reason=renamed("groupId"),
    )
    membership: MembershipFilter | None = strawberry.field(
        default=None, description="Organisation membership; only those visible to you match."
    )
    joined: TimeRange | None = strawberry.field(
        default=None, description="When the account was created."
    )
    last_seen: TimeRange | None = strawberry.field(
        default=None,
        description="When the user was last active; users who never were count as earliest.",
    )
    email_domain: str | None = strawberry.field(
        default=None, description="Domain of the primary address, in Unicode or ASCII."
    )
    public_metadata: JSON | None = strawberry.field(
        default=None, description="Object that the public metadata contains."
    )
    private_metadata: JSON | None = strawberry.field(
        default=None, description="Object that the private metadata contains."
    )
    external_id: ExternalIdInput | None = strawberry.field(
        default=None, description="Id in a former system."
    )
    locale: str | None = strawberry.field(default=None, description="Language of the user's mails.")
    all_of: list["UserFilter"] | None = strawberry.field(
        name="and", default=None, description="Filters that must all match."
    )
    any_of: list["UserFilter"] | None = strawberry.field(
        name="or", default=None, description="Filters of which at least one must match."
    )
    none_of: "UserFilter | None" = strawberry.field(
        name="not", default=None, description="Filter that must not match."
    )

    def to_spec(self) -> UserFilterSpec:
        """Convert to a `UserFilterSpec`."""
        return UserFilterSpec(
            conditions=dict(self._conditions()),
            all_of=_to_specs(self.all_of),
            any_of=_to_specs(self.any_of),
            none_of=None if self.none_of is None else self.none_of.to_spec(),
        )

    def _conditions(self) -> Iterator[tuple[str, Any]]:
        """Yield the provided conditions; an invalid id matches no row."""
        for name in USER_FILTERS:
            value = getattr(self, name)
            if name == "group" and self.group_id is not None:
                value = self.group_id
            if value is not None:
                yield name, CONDITIONS[name](value) if name in CONDITIONS else value
        if self.membership is not None:
            yield "membership", self.membership.to_conditions()
        if self.external_id is not None:
            yield "external_id", asdict(self.external_id)


def spec_of(filter: UserFilter | None) -> UserFilterSpec:
    """Convert an optional filter; without one there are no conditions."""
    return UserFilterSpec() if filter is None else filter.to_spec()


def _to_specs(filters: list[UserFilter] | None) -> list[UserFilterSpec] | None:
    return None if filters is None else [each.to_spec() for each in filters]


def filter_to_json(filter: UserFilterSpec) -> dict[str, Any]:
    """Convert a spec to the JSON of a `UserFilter`, the inverse of `UserFilter.to_spec`."""
    inside: dict[str, Any] = {}
    for name, filters in (("and", filter.all_of), ("or", filter.any_of)):
        if filters is not None:
            inside[name] = [filter_to_json(each) for each in filters]
    if filter.none_of is not None:
        inside["not"] = filter_to_json(filter.none_of)
    own = {to_camel_case(name): _as_input(name, each) for name, each in filter.conditions.items()}
    return own | inside


def _as_input(name: str, value: Any) -> Any:
    if isinstance(value, Period):
        ends = {"since": value.since, "before": value.before}
        return {end: moment.isoformat() for end, moment in ends.items() if moment is not None}
    if name == "group":
        return str(relay.GlobalID("Group", str(value)))
    if name == "ids":
        return [str(relay.GlobalID("User", str(each))) for each in value]
    return MembershipFilter.conditions_to_json(value) if name == "membership" else value
