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

from core.database.search.texts import MAX_CANDIDATES
from engine.relay.connection import KeysetConnection, Order
from engine.relay.nested import nested_connection
from schema.accounts.loaders import group_permissions, permissions
from schema.accounts.profiles import Profile
from schema.accounts.types.avatars import Avatar, avatar_of
from schema.accounts.types.email_addresses import EmailAddress, email_addresses
from schema.authentication.loaders import active_session_counts, recovery_codes_left
from schema.authentication.types.api_tokens import ApiToken, ApiTokenConnection
from schema.authentication.types.factors import Passkey, PasskeyConnection, Totp
from schema.authentication.types.suspensions import Suspension
from schema.context import Info
from schema.enums import describe_enum
from schema.errors import Payload
from schema.organizations.types.organizations import Membership, MembershipConnection
from schema.payloads import changed_object
from schema.privacy.types import AccountDeletion, DataExport
from schema.rules import Private, PrivateSessions
from users.accounts import models
from users.accounts.authentication_methods import Method
from users.accounts.avatars.images import AvatarSize
from users.accounts.orders import UserOrderField
from users.accounts.querysets import UserQuerySet, groups_visible_to
from users.authentication.factors.policy import due_at
from users.authentication.models import ApiToken as ApiTokenModel
from users.authentication.models import Passkey as PasskeyModel
from users.organizations.models import Membership as MembershipModel


@strawberry_django.type(auth.Group)
class Group(relay.Node):
    """People with the same permissions."""

    id: relay.NodeID[int]
    name: auto = strawberry_django.field(description="What the group is called; unique.")

    @strawberry_django.field
    def permissions(self: auth.Group, info: Info) -> list[str]:
        """What the members may do, as app.codename."""
        return info.context.load(group_permissions, self)

    @classmethod
    def get_queryset(cls, queryset: QuerySet[auth.Group], info: Info) -> QuerySet[auth.Group]:
        """Whatever leads to groups leads to visible ones only, and to these in some order."""
        groups = groups_visible_to(info.context.actor, queryset)
        return groups if groups.ordered else groups.order_by("name")


@strawberry_django.type(auth.Permission)
class Permission:
    """Leave to do something."""

    @strawberry_django.field(
        only=["codename", "content_type__app_label"], select_related=["content_type"]
    )
    def name(self: auth.Permission) -> str:
        """As app.codename."""
        return f"{self.content_type.app_label}.{self.codename}"

    @strawberry_django.field(only=["name"])
    def description(self: auth.Permission) -> str:
        """What it allows, for people."""
        return self.name


@strawberry_django.type(models.User)
class User(relay.Node):
    """A person with an account."""

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
        only=["email", "email_verified_at", "email_undeliverable_at"], extensions=[Private()]
    )
    def email_addresses(self: models.User, info: Info) -> list[EmailAddress] | None:
        """All addresses, the primary one first, for the person and staff."""
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

    @strawberry_django.field(select_related=["profile"], only=["profile__avatar"])
    def avatar(
        self: models.User,
        size: Annotated[
            AvatarSize, strawberry.argument(description="How large.")
        ] = AvatarSize.MEDIUM,
    ) -> Avatar | None:
        """The picture that the person is shown by; null if there is none."""
        return avatar_of(self, size)

    @strawberry_django.field(select_related=["metadata"], only=["metadata__public"])
    def public_metadata(self: models.User) -> JSON:
        """What applications note about the person, for whoever sees the person."""
        # Joined: most users have no row in the table of its own.
        row = getattr(self, "metadata", None)
        return row.public if row else {}

    @strawberry_django.field(
        select_related=["metadata"], only=["metadata__private"], extensions=[Private()]
    )
    def private_metadata(self: models.User) -> JSON | None:
        """What applications note about the person, for the person and staff."""
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

    @nested_connection(MembershipConnection, parent="user")
    def memberships(self) -> Iterable[Membership]:
        """Where the person belongs, as far as the viewer may know."""
        return MembershipModel.objects.in_order()

    @nested_connection(ApiTokenConnection, parent="user")
    def api_tokens(self) -> Iterable[ApiToken]:
        """The person's API tokens, for the person and administrators.

        Others find none, and so do API tokens.
        """
        return ApiTokenModel.objects.order_by("-id")

    @nested_connection(PasskeyConnection, parent="user")
    def passkeys(self) -> Iterable[Passkey]:
        """The person's passkeys, for the person and staff."""
        return PasskeyModel.objects.in_order()

    @strawberry_django.field(extensions=[Private()])
    def recovery_codes_left(self: models.User, info: Info) -> int | None:
        """How many recovery codes are unused, for the person and staff."""
        return info.context.load(recovery_codes_left, self)

    @strawberry_django.field(only=["date_joined", "is_staff"], extensions=[Private()])
    def second_factor_due_at(self: models.User) -> datetime | None:
        """From when on a second factor is required. Null if none is."""
        return due_at(self.date_joined, is_staff=self.is_staff)

    @strawberry_django.field(
        select_related=["last_seen"], only=["last_seen__at"], extensions=[Private()]
    )
    def last_seen_at(self: models.User) -> datetime | None:
        """When the person last used the service, to within minutes; for the person and staff."""
        return self.last_seen.at

    @strawberry_django.field(only=["authorization_version"], extensions=[Private()])
    def permissions(self: models.User, info: Info) -> list[str] | None:
        """What the person may do, as app.codename, for the person and staff."""
        return info.context.load(permissions, self)

    @strawberry_django.field(extensions=[PrivateSessions()])
    def active_session_count(self: models.User, info: Info) -> int | None:
        """On how many devices the person is signed in, for the person and staff."""
        return info.context.load(active_session_counts, self)

    @classmethod
    def get_queryset(cls, queryset: UserQuerySet, info: Info) -> UserQuerySet:
        """Whatever leads to people leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


describe_enum(
    UserOrderField,
    {
        UserOrderField.USERNAME: "The username.",
        UserOrderField.NAME: "The name to show, whatever its case.",
        UserOrderField.EMAIL: "The address; for staff.",
        UserOrderField.JOINED: "When they joined.",
        UserOrderField.LAST_SEEN: "When they were last seen, those never seen first; for staff.",
    },
)


@strawberry.input
class UserOrder(Order):
    """An order of people."""

    field: UserOrderField = strawberry.field(
        default=UserOrderField.USERNAME, description="By what."
    )


@strawberry.type
class UserConnection(KeysetConnection[User]):
    """A page of people, in the order that was asked for."""

    @strawberry.field(
        description=f"Whether more than {MAX_CANDIDATES:,} people match, of whom only that many "
        "are compared for the best match; with `orderBy` all are listed."
    )
    def is_truncated(self) -> bool:
        """Look whether there is one more."""
        return self.summary.is_truncated()


@strawberry.type
class GroupConnection(KeysetConnection[Group]):
    """A page of groups, by name."""


@strawberry.type
class UserPayload(Payload):
    """A mutation's answer about a person."""

    user_id: strawberry.Private[UUID | None] = None
    user: User | None = changed_object(models.User, "user_id")
