"""The types of users, groups and permissions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry
import strawberry_django
from django.contrib.auth import models as auth
from django.db.models import QuerySet
from strawberry import auto, relay
from strawberry.scalars import JSON

from core.database.search.texts import MAX_CANDIDATES
from engine.fields.dependencies import COVERED, covered
from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from engine.relay.order import Order
from schema.accounts.loaders import group_permissions, permissions
from schema.accounts.profiles import Profile
from schema.accounts.types.avatars import Avatar, avatar_of
from schema.accounts.types.email_addresses import EmailAddress, email_addresses
from schema.context import Info
from schema.entities import GROUPS, PERMISSIONS
from schema.enums import describe_enum
from schema.errors import Payload
from schema.payloads import changed_object, deleted_id
from schema.rules import Private
from users.accounts import models
from users.accounts.authentication_methods import Method
from users.accounts.avatars.images import AvatarSize
from users.accounts.models import UserQuerySet
from users.accounts.orders import UserOrderField
from users.accounts.policy import may_administer_users, may_edit_profile
from users.accounts.visibility import group_memberships_visible_to, groups_visible_to

GroupMembershipModel: Final[Any] = models.User.groups.through


@strawberry_django.type(GroupMembershipModel)
class GroupMembership:
    """A user's membership in a group."""

    user: Annotated["User", strawberry.lazy(__name__)] = strawberry_django.field(
        description="The member."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info) -> QuerySet[Any]:
        """Restrict every access path to visible memberships."""
        return group_memberships_visible_to(info.context.actor, queryset)


@strawberry.type
class GroupMembershipConnection(KeysetConnection[GroupMembership]):  # type: ignore[type-var]  # not a Node
    """A page of a group's members."""


@strawberry_django.type(auth.Group)
class Group(relay.Node):
    """A group of users, who share its permissions."""

    id: relay.NodeID[int]
    name: auto = strawberry_django.field(description="Unique name.")

    @strawberry_django.field(metadata=covered(PERMISSIONS))
    def permissions(self: auth.Group, info: Info) -> list[str]:
        """Permissions of the members, as `app.codename`."""
        return info.context.load(group_permissions, self)

    @nested_connection(GroupMembershipConnection, parent="group")
    def members(self) -> Iterable[GroupMembership]:
        """Members, in the order in which their accounts were created.

        Visible to staff; empty for others.
        """
        return GroupMembershipModel.objects.order_by("user_id")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[auth.Group], info: Info) -> QuerySet[auth.Group]:
        """Restrict every access path to visible groups, in a defined order."""
        groups = groups_visible_to(info.context.actor, queryset)
        return groups if groups.ordered else groups.order_by("name")


@strawberry_django.type(auth.Permission)
class Permission:
    """A permission, granted directly or through groups."""

    @strawberry_django.field(
        only=["codename", "content_type__app_label"],
        select_related=["content_type"],
        metadata=COVERED,
    )
    def name(self: auth.Permission) -> str:
        """Unique name, as `app.codename`."""
        return f"{self.content_type.app_label}.{self.codename}"

    @strawberry_django.field(only=["name"], metadata=COVERED)
    def description(self: auth.Permission) -> str:
        """What the permission allows, as text for display."""
        return self.name


@strawberry_django.type(models.User)
class User(relay.Node):
    """A user account, or a service account if `isService`."""

    # The apps above this one extend it: see `schema.root`.

    id: relay.NodeID[UUID]
    username: auto = strawberry_django.field(description="Unique username, in lower case.")
    name: auto = strawberry_django.field(description="Display name; may be empty.")
    date_joined: auto = strawberry_django.field(description="When the account was created.")
    is_public: auto = strawberry_django.field(description="Whether other users can find this user.")
    is_service: auto = strawberry_django.field(
        description="Whether this is a service account, which authenticates by API tokens only."
    )
    email: str | None = strawberry_django.field(
        extensions=[Private()],
        description="Primary address; its domain is in ASCII. Visible to the user and staff.",
    )
    email_verified_at: datetime | None = strawberry_django.field(
        extensions=[Private()],
        description="When the primary address was verified; null if it is not. Visible to the user "
        "and staff.",
    )

    @strawberry_django.field(
        only=["email", "email_verified_at", "email_undeliverable_at"],
        extensions=[Private()],
        metadata=COVERED,
    )
    def email_addresses(self: models.User, info: Info) -> list[EmailAddress] | None:
        """All addresses, primary first. Visible to the user and staff."""
        return info.context.load(email_addresses, self)

    is_active: bool | None = strawberry_django.field(
        extensions=[Private()],
        description="Whether the user can sign in. Visible to the user and staff.",
    )
    is_staff: bool | None = strawberry_django.field(
        extensions=[Private()],
        description="Whether the user is staff and can view all users. Visible to the user and "
        "staff.",
    )
    is_superuser: bool | None = strawberry_django.field(
        extensions=[Private()],
        description="Whether the user is an administrator. Visible to the user and staff.",
    )
    second_factors: list[Method] | None = strawberry_django.field(
        extensions=[Private()],
        description="Second factors that are set up. Visible to the user and staff.",
    )
    profile: Profile | None = strawberry_django.field(
        description="Profile that the user maintains."
    )

    @strawberry_django.field(select_related=["profile"], only=["profile__avatar"], metadata=COVERED)
    def avatar(
        self: models.User,
        size: Annotated[
            AvatarSize, strawberry.argument(description="Size of the image.")
        ] = AvatarSize.MEDIUM,
    ) -> Avatar | None:
        """Avatar; null without one."""
        return avatar_of(self, size)

    @strawberry_django.field(
        select_related=["metadata"], only=["metadata__public"], metadata=COVERED
    )
    def public_metadata(self: models.User) -> JSON:
        """Metadata of applications, visible to all who can view the user."""
        # Joined: most users have no row in the metadata table.
        row = getattr(self, "metadata", None)
        return row.public if row else {}

    @strawberry_django.field(
        select_related=["metadata"],
        only=["metadata__private"],
        extensions=[Private()],
        metadata=COVERED,
    )
    def private_metadata(self: models.User) -> JSON | None:
        """Private metadata of applications. Visible to the user and staff."""
        row = getattr(self, "metadata", None)
        return row.private if row else {}

    groups: list[Group] | None = strawberry_django.field(
        extensions=[Private()],
        description="Groups, ordered by name. Visible to the user and staff.",
    )
    erased_at: datetime | None = strawberry_django.field(
        extensions=[Private()],
        description="When the account was erased; null unless it was. Visible to the user and "
        "staff.",
    )

    @strawberry_django.field(
        select_related=["last_seen"], only=["last_seen__at"], extensions=[Private()]
    )
    def last_seen_at(self: models.User) -> datetime | None:
        """When the user was last active, to within minutes. Visible to the user and staff."""
        return self.last_seen.at

    @strawberry_django.field(
        only=["pk"], extensions=[Private()], metadata=covered(GROUPS, PERMISSIONS)
    )
    def permissions(self: models.User, info: Info) -> list[str] | None:
        """Effective permissions, as `app.codename`. Visible to the user and staff."""
        return info.context.load(permissions, self)

    @strawberry_django.field(only=["pk"], metadata=COVERED)
    def viewer_can_update(self: models.User, info: Info) -> bool:
        """Whether you may change the user's profile."""
        return may_edit_profile(info.context.actor, self.pk)

    @strawberry_django.field(only=["pk"], metadata=COVERED)
    def viewer_can_administer(self: models.User, info: Info) -> bool:
        """Whether you may suspend and otherwise administer the account."""
        return may_administer_users(info.context.actor)

    @classmethod
    def get_queryset(cls, queryset: UserQuerySet, info: Info) -> UserQuerySet:
        """Restrict every access path to visible users."""
        return queryset.visible_to(info.context.actor)


describe_enum(
    UserOrderField,
    {
        UserOrderField.USERNAME: "Order by username.",
        UserOrderField.NAME: "Order by display name, case-insensitively.",
        UserOrderField.EMAIL: "Order by primary address. Staff only.",
        UserOrderField.JOINED: "Order by creation of the account.",
        UserOrderField.LAST_SEEN: "Order by last activity, users without any first. Staff only.",
    },
)


@strawberry.input
class UserOrder(Order):
    """Sort order of users."""

    field: UserOrderField = strawberry.field(
        default=UserOrderField.USERNAME, description="Field to order by."
    )


@strawberry.type
class UserConnection(KeysetConnection[User]):
    """A page of users."""

    @strawberry.field(
        description=f"Whether more than {MAX_CANDIDATES:,} users match `search`; only that many "
        "are ranked. With `orderBy`, all matches are listed."
    )
    def is_truncated(self) -> bool:
        """Check for one more candidate than are ranked."""
        return self.summary.is_truncated()


@strawberry.type
class GroupConnection(KeysetConnection[Group]):
    """A page of groups, ordered by name."""


@strawberry.type
class ChangedUserPayload(Payload):
    """The user after the mutation."""

    user_id: strawberry.Private[UUID | None] = None
    user: User | None = changed_object(models.User, "user_id", noun="user")


@strawberry.type
class UserPayload(ChangedUserPayload):
    """The user after the mutation."""

    deleted_email_address_id: strawberry.ID | None = deleted_id("email address")
    deleted_passkey_id: strawberry.ID | None = deleted_id("passkey")
