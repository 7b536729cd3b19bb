"""Which people to list."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry import relay
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from schema.nodes import node_key
from users.accounts.filters import MAX_DEPTH, MAX_FILTERS, USER_FILTERS, Period, UserFilterSpec
from users.organizations.models import Role

# Ids of nothing, for those that are not of the type they should be.
NO_GROUP: Final = 0
NO_ORGANIZATION: Final = UUID(int=0)


@strawberry.input
class TimeRange(Period):
    """A half-open range of time, without an end where none is given."""

    since: dt.datetime | None = strawberry.field(default=None, description="Then or later.")
    before: dt.datetime | None = strawberry.field(default=None, description="Earlier than that.")


@strawberry.input
class MembershipFilter:
    """A membership that people have; both conditions are about the same one."""

    organization: strawberry.ID | None = strawberry.field(
        default=None, description="Where, by `id`; anywhere, if not given."
    )
    role: Role | None = strawberry.field(
        default=None, description="As what; as anything, if not given."
    )

    def parsed(self) -> dict[str, Any]:
        """Return the conditions as the domain knows them."""
        conditions: dict[str, Any] = {}
        if self.organization is not None:
            key = node_key(self.organization, "Organization")
            conditions["organization"] = key or NO_ORGANIZATION
        if self.role is not None:
            conditions["role"] = self.role
        return conditions


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
    is_superuser: bool | None = strawberry.field(
        default=None, description="Whether they administer the service."
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
        default=None, description="What follows the @ of their address, in Unicode or ASCII."
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

    def parsed(self) -> UserFilterSpec:
        """Return the filter as the domain knows it."""
        return UserFilterSpec(
            conditions=dict(self._conditions()),
            all_of=_parsed(self.all_of),
            any_of=_parsed(self.any_of),
            none_of=None if self.none_of is None else self.none_of.parsed(),
        )

    def _conditions(self) -> Iterator[tuple[str, Any]]:
        """Yield what was given; what is not the id that it should be, as the id of nothing."""
        for name in USER_FILTERS:
            value = getattr(self, name)
            if value is not None:
                yield name, node_key(value, "Group") or NO_GROUP if name == "group" else value
        if self.membership is not None:
            yield "membership", self.membership.parsed()


def _parsed(filters: list[UserFilter] | None) -> list[UserFilterSpec] | None:
    return None if filters is None else [each.parsed() for each in filters]


def as_input(filter: UserFilterSpec) -> dict[str, Any]:
    """Return the JSON of a `UserFilter` that is parsed to this one."""
    inside: dict[str, Any] = {}
    for name, filters in (("and", filter.all_of), ("or", filter.any_of)):
        if filters is not None:
            inside[name] = [as_input(each) for each in filters]
    if filter.none_of is not None:
        inside["not"] = as_input(filter.none_of)
    own = {to_camel_case(name): _as_input(name, each) for name, each in filter.conditions.items()}
    return own | inside


def _as_input(name: str, value: Any) -> Any:
    if isinstance(value, Period):
        ends = {"since": value.since, "before": value.before}
        return {end: moment.isoformat() for end, moment in ends.items() if moment is not None}
    if name == "group":
        return str(relay.GlobalID("Group", str(value)))
    if name == "membership":
        ids = {"organization": relay.GlobalID("Organization", str(value.get("organization")))}
        role = {"role": Role(value["role"]).name} if "role" in value else {}
        return {key: str(id_) for key, id_ in ids.items() if key in value} | role
    return value
