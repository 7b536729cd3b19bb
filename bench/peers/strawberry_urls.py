"""strawberry-django on Roster's models, tuned by its documentation.

It has the optimizer, keyset pages (`DjangoCursorConnection`) by the primary key, caches of parsed
and validated documents, a typed `NodeID`, and JSON by orjson.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson
import strawberry
import strawberry_django
from django.contrib.auth import models as auth
from django.db.models import Q
from django.urls import path
from strawberry import auto, relay
from strawberry.django.views import GraphQLView
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types import Info
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoCursorConnection

from bench.peers.on_django import create_user, session_users
from users.accounts import models as accounts
from users.organizations import models as organizations


@strawberry_django.type(auth.Group)
class Group:
    """A group."""

    name: auto


@strawberry_django.type(accounts.Profile)
class Profile:
    """A user's profile."""

    bio: auto
    website: auto


@strawberry_django.type(accounts.User)
class User(relay.Node):
    """A user."""

    id: relay.NodeID[UUID]
    username: auto
    name: auto
    email: auto
    profile: Profile
    groups: list[Group]


@strawberry_django.type(organizations.Membership)
class Membership:
    """A user's role in an organisation."""

    role: str
    created_at: auto
    user: User


@strawberry_django.type(organizations.Organization)
class Organization(relay.Node):
    """An organisation."""

    id: relay.NodeID[UUID]

    @strawberry_django.field
    def members(self: organizations.Organization, first: int) -> list[Membership]:
        """Slice in SQL; a nested connection would number all members in a window function."""
        return self.memberships.order_by("created_at", "pk")[:first]


@strawberry_django.input(accounts.Profile)
class ProfileInput:
    """The changes, and the user's id."""

    pk: strawberry.ID
    bio: auto


@strawberry.input
class NewUser:
    """A user to create."""

    username: str
    email: str
    name: str
    password: str


@strawberry.type
class Query:
    """The root of queries."""

    @strawberry_django.field
    def me(self, info: Info) -> User:
        """Return the user of the request's session."""
        return session_users(info.context.request.headers.get("Authorization", ""))

    @strawberry_django.connection(DjangoCursorConnection[User])
    def users(self, search: str | None = None) -> Iterable[User]:
        """List users by the primary key."""
        queryset = accounts.User.objects.order_by("pk")
        if search:
            queryset = queryset.filter(
                Q(username__icontains=search)
                | Q(name__icontains=search)
                | Q(email__icontains=search)
            )
        return queryset

    @strawberry_django.field
    def user(self, id: UUID) -> User | None:
        """Look up a user."""
        return accounts.User.objects.filter(pk=id)

    @strawberry_django.field
    def organization(self, id: UUID) -> Organization | None:
        """Look up an organisation."""
        return organizations.Organization.objects.filter(pk=id)


@strawberry.type
class Mutation:
    """The root of mutations."""

    update_profile: Profile = strawberry_django.mutations.update(
        ProfileInput, handle_django_errors=False
    )

    @strawberry_django.mutation(handle_django_errors=False)
    def create_user(self, data: NewUser) -> User:
        """Create a user with a password."""
        return create_user(
            username=data.username, email=data.email, name=data.name, password=data.password
        )


class View(GraphQLView[Any, Any]):
    """strawberry-django's view with faster JSON."""

    def encode_json(self, data: object) -> bytes:
        """Encode with orjson."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Decode with orjson."""
        return orjson.loads(data)


schema = strawberry.Schema(
    Query,
    Mutation,
    extensions=[DjangoOptimizerExtension, ParserCache, ValidationCache],
)
urlpatterns = [path("graphql", View.as_view(schema=schema, graphql_ide=None))]
