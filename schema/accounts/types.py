"""People, profiles and groups in GraphQL."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
import strawberry_django
from django.contrib.auth import models as auth
from django.db.models import QuerySet
from strawberry import auto, relay
from strawberry.scalars import JSON

from core.search.texts import MAX_CANDIDATES
from schema.accounts.avatar_types import Avatar, avatar_of
from schema.accounts.email_address_types import EmailAddress, email_addresses
from schema.accounts.loaders import group_permissions, permissions
from schema.authentication.api_token_types import ApiToken, ApiTokenConnection
from schema.authentication.factor_types import Passkey, PasskeyConnection, Totp
from schema.authentication.loaders import active_session_counts, recovery_codes_left
from schema.authentication.suspension_types import Suspension
from schema.connections import Direction, KeysetConnection
from schema.context import Info
from schema.enums import describe_enum
from schema.errors import Payload
from schema.nested import nested_connection
from schema.nodes import one
from schema.organizations.types import Membership, MembershipConnection
from schema.privacy.types import AccountDeletion, DataExport
from schema.rules import Private, PrivateSessions
from users.accounts import models
from users.accounts.methods import Method
from users.accounts.orders import UserOrderField
from users.accounts.pictures import AvatarSize
from users.accounts.querysets import UserQuerySet, groups_visible_to
from users.authentication.enforcement import due_at
from users.authentication.models import ApiToken as ApiTokenModel
from users.authentication.models import Passkey as PasskeyModel
from users.organizations.models import Membership as MembershipModel


@strawberry_django.type(auth.Group, description="People with the same permissions.")
class Group(relay.Node):
    """A group of Django's; its members and staff see it."""

    id: relay.NodeID[int]
    name: auto = strawberry_django.field(description="What the group is called; unique.")

    @strawberry_django.field(description="What the members may do, as app.codename.")
    def permissions(self: auth.Group, info: Info) -> list[str]:
        """Read them with one statement for a page of groups."""
        return info.context.load(group_permissions, self)

    @classmethod
    def get_queryset(cls, queryset: QuerySet[auth.Group], info: Info) -> QuerySet[auth.Group]:
        """Whatever leads to groups leads to visible ones only, and to these in some order."""
        groups = groups_visible_to(info.context.actor, queryset)
        return groups if groups.ordered else groups.order_by("name")


@strawberry_django.type(auth.Permission, description="Leave to do something.")
class Permission:
    """A permission of Django's, or one that the organisation added for its applications."""

    @strawberry_django.field(
        only=["codename", "content_type__app_label"],
        select_related=["content_type"],
        description="As app.codename.",
    )
    def name(self: auth.Permission) -> str:
        """Put the two parts together."""
        return f"{self.content_type.app_label}.{self.codename}"

    @strawberry_django.field(only=["name"], description="What it allows, for people.")
    def description(self: auth.Permission) -> str:
        """Django calls this the name."""
        return self.name


@strawberry_django.type(models.Profile, description="What people tell about themselves.")
class Profile:
    """A person's profile; whoever sees the person sees it, but for the private fields."""

    given_name: auto = strawberry_django.field(description="Given names; may be empty.")
    family_name: auto = strawberry_django.field(description="Family names; may be empty.")
    nickname: auto = strawberry_django.field(description="What friends say; may be empty.")
    bio: auto = strawberry_django.field(description="A few words about the person.")
    website: auto = strawberry_django.field(description="The person's site.")
    locale: str | None = strawberry_django.field(
        extensions=[Private()], description="The language of the mails, for the person and staff."
    )
    time_zone: auto = strawberry_django.field(description="An IANA time zone.")


@strawberry_django.type(models.User, description="A person with an account.")
class User(relay.Node):
    """A person; private fields are null unless the person asks, or staff."""

    id: relay.NodeID[UUID]
    username: auto = strawberry_django.field(description="Unique, in lower case.")
    name: auto = strawberry_django.field(description="The name to show; may be empty.")
    date_joined: auto = strawberry_django.field(description="When the account came to be.")
    is_public: auto = strawberry_django.field(
        description="Whether other people may find the person."
    )
    is_service: auto = strawberry_django.field(
        description="Whether this is a program's account and nobody's."
    )
    email: str | None = strawberry_django.field(
        extensions=[Private()],
        description="The primary address, for the person and staff; its domain is ASCII.",
    )
    email_verified_at: datetime | None = strawberry_django.field(
        extensions=[Private()],
        description="When the address was shown to be the person's; null if it was not.",
    )

    @strawberry_django.field(
        only=["email", "email_verified_at", "email_undeliverable_at"],
        extensions=[Private()],
        description="All addresses, the primary one first, for the person and staff.",
    )
    def email_addresses(self: models.User, info: Info) -> list[EmailAddress] | None:
        """Read the further ones with one statement for a page of people."""
        return info.context.load(email_addresses, self)

    is_active: bool | None = strawberry_django.field(
        extensions=[Private()], description="Whether the person may sign in."
    )
    is_staff: bool | None = strawberry_django.field(
        extensions=[Private()], description="Whether the person sees everybody."
    )
    is_superuser: bool | None = strawberry_django.field(
        extensions=[Private()], description="Whether the person administers the service."
    )
    second_factors: list[Method] | None = strawberry_django.field(
        extensions=[Private()],
        description="What second factors the person has set up, for the person and staff.",
    )
    totp: Totp | None = strawberry_django.field(
        description="The person's authenticator app, for the person and staff; null if there is "
        "none."
    )
    profile: Profile | None = strawberry_django.field(
        description="What the person tells about themselves."
    )

    @strawberry_django.field(
        select_related=["profile"],
        only=["profile__avatar"],
        description="The picture that the person is shown by; null if there is none.",
    )
    def avatar(
        self: models.User,
        size: Annotated[
            AvatarSize, strawberry.argument(description="How large.")
        ] = AvatarSize.MEDIUM,
    ) -> Avatar | None:
        """Make the address of what is with the profile."""
        return avatar_of(self, size)

    @strawberry_django.field(
        select_related=["metadata"],
        only=["metadata__public"],
        description="What applications note about the person, for whoever sees the person.",
    )
    def public_metadata(self: models.User) -> JSON:
        """Join it: it is in a table of its own, where not everybody is."""
        row = getattr(self, "metadata", None)
        return row.public if row else {}

    @strawberry_django.field(
        select_related=["metadata"],
        only=["metadata__private"],
        extensions=[Private()],
        description="What applications note about the person, for the person and staff.",
    )
    def private_metadata(self: models.User) -> JSON | None:
        """Join it, too."""
        row = getattr(self, "metadata", None)
        return row.private if row else {}

    groups: list[Group] | None = strawberry_django.field(
        extensions=[Private()], description="The groups by name, for the person and staff."
    )
    suspension: Suspension | None = strawberry_django.field(
        description="Why the person may not sign in, for staff."
    )
    deletion: AccountDeletion | None = strawberry_django.field(
        description="Whether the account is to be erased, for staff."
    )
    data_exports: list[DataExport] = strawberry_django.field(
        description="One's own data, as far as it was asked for; of others there is none."
    )
    erased_at: datetime | None = strawberry_django.field(
        extensions=[Private()],
        description="Since when only this row is left of the person; null of a living account.",
    )

    @nested_connection(
        MembershipConnection,
        parent="user",
        description="Where the person belongs, as far as the viewer may know.",
    )
    def memberships(self) -> Iterable[Membership]:
        """List the memberships."""
        return MembershipModel.objects.in_order()

    @nested_connection(
        ApiTokenConnection,
        parent="user",
        description="What programs speak for the person by, for the person and administrators; "
        "others find none, and so do API tokens.",
    )
    def api_tokens(self) -> Iterable[ApiToken]:
        """List the tokens, newest first."""
        return ApiTokenModel.objects.order_by("-id")

    @nested_connection(
        PasskeyConnection,
        parent="user",
        description="The person's passkeys, for the person and staff.",
    )
    def passkeys(self) -> Iterable[Passkey]:
        """List them."""
        return PasskeyModel.objects.in_order()

    @strawberry_django.field(
        extensions=[Private()],
        description="How many recovery codes are unused, for the person and staff.",
    )
    def recovery_codes_left(self: models.User, info: Info) -> int | None:
        """Count with one statement for a page of people."""
        return info.context.load(recovery_codes_left, self)

    @strawberry_django.field(
        only=["date_joined", "is_staff"],
        extensions=[Private()],
        description="From when on the person may do nothing without a second factor; null if the "
        "service demands none of them.",
    )
    def second_factor_due_at(self: models.User) -> datetime | None:
        """Ask the settings."""
        return due_at(self.date_joined, is_staff=self.is_staff)

    @strawberry_django.field(
        select_related=["last_seen"],
        only=["last_seen__at"],
        extensions=[Private()],
        description="When the person last used the service, to within minutes; for the person "
        "and staff.",
    )
    def last_seen_at(self: models.User) -> datetime | None:
        """Join it: it is in a table of its own."""
        return self.last_seen.at

    @strawberry_django.field(
        only=["authorization_version"],
        extensions=[Private()],
        description="What the person may do, as app.codename, for the person and staff.",
    )
    def permissions(self: models.User, info: Info) -> list[str] | None:
        """Read through the cache."""
        return info.context.load(permissions, self)

    @strawberry_django.field(
        extensions=[PrivateSessions()],
        description="On how many devices the person is signed in, for the person and staff.",
    )
    def active_session_count(self: models.User, info: Info) -> int | None:
        """Count with one statement for a page of people."""
        return info.context.load(active_session_counts, self)

    @classmethod
    def get_queryset(cls, queryset: UserQuerySet, info: Info) -> UserQuerySet:
        """Whatever leads to people leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


describe_enum(
    UserOrderField,
    "What people can be ordered by.",
    {
        UserOrderField.USERNAME: "The username.",
        UserOrderField.NAME: "The name to show, whatever its case.",
        UserOrderField.EMAIL: "The address; for staff.",
        UserOrderField.JOINED: "When they joined.",
        UserOrderField.LAST_SEEN: "When they were last seen, those never seen first; for staff.",
    },
)


@strawberry.input(description="An order of people.")
class UserOrder:
    """Who is equal in the field is ordered by when they came."""

    field: UserOrderField = strawberry.field(
        default=UserOrderField.USERNAME, description="By what."
    )
    direction: Direction = strawberry.field(
        default=Direction.ASC, description="From the smallest, or from the largest."
    )


@strawberry.type(description="A page of people, in the order that was asked for.")
class UserConnection(KeysetConnection[User]):
    """The order is that of the queryset."""

    @strawberry.field(
        description=f"Whether more than {MAX_CANDIDATES:,} people match, of whom only that many "
        "are compared for the best match; with `orderBy` all are listed."
    )
    def is_truncated(self) -> bool:
        """Look whether there is one more."""
        return self.whole.is_truncated()


@strawberry.type(description="A page of groups, by name.")
class GroupConnection(KeysetConnection[Group]):
    """Groups by name, which is unique and indexed."""


@strawberry.type(description="A mutation's answer about a person.")
class UserPayload(Payload):
    """A payload about one person, read like any other: through `visible_to`."""

    user_id: strawberry.Private[UUID | None] = None

    @strawberry_django.field(description="The person; null if the input was refused.")
    def user(self) -> User | None:
        """Look the person up as they are after the mutation."""
        return one(models.User.objects.all(), self.user_id)
