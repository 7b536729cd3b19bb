"""The entities that answers depend on, and the columns that have their keys.

The tables are those that touch the entities: see `users.accounts.versions` and
`users.organizations.versions`. What decides about visibility is covered, too: each answer depends
on the requester besides.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from core.versions.touches import global_entity
from engine.fields.dependencies import Entity, Root, RootByType
from schema.nodes import node_key, node_type
from users.accounts.models import EmailAddress, Metadata, Profile, User
from users.accounts.versions import GROUPS as GROUPS_KEY
from users.accounts.versions import PERMISSIONS as PERMISSIONS_KEY
from users.organizations.models import Membership, Organization, OrganizationInvitation

_COLUMNS_OF_USERS: Final[Mapping[type[Model], str]] = {
    User: "id",
    Profile: "user_id",
    Metadata: "user_id",
    EmailAddress: "user_id",
    User.groups.through: "user_id",
    User.user_permissions.through: "user_id",
}
USER: Final = Entity("user", {**_COLUMNS_OF_USERS, Membership: "user_id"})
# Of an organisation, which does not cover the other memberships of its members.
MEMBER: Final = Entity("member", _COLUMNS_OF_USERS)
ORGANIZATION: Final = Entity(
    "organization",
    {
        Organization: "id",
        Membership: "organization_id",
        OrganizationInvitation: "organization_id",
    },
    parts={(Membership, "user"): MEMBER},
)
GROUPS: Final = Entity("groups", {Group: "", Group.permissions.through: ""}, key=GROUPS_KEY)
PERMISSIONS: Final = Entity("permissions", {Permission: "", ContentType: ""}, key=PERMISSIONS_KEY)
# What every cached answer depends on, so that an operator can drop them all.
EVERYTHING: Final = global_entity("everything")
SINGLETONS: Final = (GROUPS, PERMISSIONS)


def _no_keys(_arguments: Mapping[str, Any], _context: Any) -> Iterable[UUID]:
    """Return nothing, for a root field that depends on no entity by its arguments."""
    return ()


def by_id(entity: Entity, type_name: str) -> Root:
    """Return what a root field depends on that has the argument `id`."""

    def keys(arguments: Mapping[str, Any], _context: Any) -> Iterable[UUID]:
        key = node_key(arguments["id"], type_name)
        return () if key is None else (key,)

    return Root(entity, keys)


REQUESTER: Final = Root(USER, _no_keys)
ALL_GROUPS: Final = Root(GROUPS, _no_keys)
ALL_PERMISSIONS: Final = Root(PERMISSIONS, _no_keys)
NODE: Final = RootByType(
    {
        "User": by_id(USER, "User"),
        "Organization": by_id(ORGANIZATION, "Organization"),
        "Group": ALL_GROUPS,
    },
    lambda arguments: node_type(arguments["id"]),
)
