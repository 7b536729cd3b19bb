"""Queries of users, groups and permissions."""

from collections.abc import Iterable
from typing import Annotated, cast

import strawberry
from django.contrib.auth import models as auth

from core.database.search.texts import Fold, has_words, in_name_order, words_of
from schema.accounts.types.external_ids import ExternalIdInput
from schema.accounts.types.invitations import Invitation, InvitationConnection
from schema.accounts.types.rate_limit import RateLimit
from schema.accounts.types.settings import Settings, public_settings
from schema.accounts.types.users import (
    Group,
    GroupConnection,
    Permission,
    User,
)
from schema.context import Info
from schema.entities import ALL_GROUPS, ALL_PERMISSIONS, REQUESTER, USER, by_id
from schema.nodes import NodeId, node_key, single_row
from schema.query import keyset_connection, query_field
from schema.scopes import NoScope
from users.accounts import models
from users.accounts.identifiers import canonical, canonical_login
from users.accounts.policy import may_list_groups, may_list_invitations, require
from users.accounts.services.permissions import MODEL as CUSTOM_MODEL
from users.imports.models import ExternalId
from users.scopes import Scope


@strawberry.input(one_of=True)
class UserBy:
    """What identifies a user; exactly one field."""

    id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(description="`id` of the user.")
    username: strawberry.Maybe[str | None] = strawberry.field(
        description="The username, in any spelling."
    )
    email: strawberry.Maybe[str | None] = strawberry.field(
        description="A primary or secondary address, in any spelling."
    )
    external_id: strawberry.Maybe[ExternalIdInput | None] = strawberry.field(
        description="An id in a former system. By it, only staff find users."
    )


@strawberry.type
class AccountsQuery:
    """Users, groups and permissions."""

    @query_field(scope=NoScope.ANY_TOKEN, depends_on=REQUESTER)
    def me(self, info: Info) -> User | None:
        """The authenticated user; null for anonymous clients."""
        return single_row(models.User.objects.all(), info.context.actor.user_id)

    @query_field(scope=Scope.USERS_READ, depends_on=by_id(USER, "User"))
    def user(self, id: NodeId) -> User | None:
        """Look up a user by `id`; null if none is visible to you."""
        return single_row(models.User.objects.all(), node_key(id, "User"))

    @query_field(scope=NoScope.OPEN)
    def settings(self) -> Settings:
        """Settings of this deployment that clients need."""
        return public_settings()

    @query_field(scope=NoScope.OPEN)
    def rate_limit(self, info: Info) -> RateLimit | None:
        """The client's rate limit; null if the service has none."""
        return RateLimit.of(info.context)

    @query_field(scope=Scope.USERS_READ)
    def user_by(
        self,
        info: Info,
        by: Annotated[UserBy, strawberry.argument(description="What identifies the user.")],
    ) -> User | None:
        """Look up a user by `id`, username, address or external id.

        Null if none is visible to you. By an address, only staff find other users.
        """
        users = models.User.objects.all()
        if by.id:
            return single_row(users, node_key(by.id.value or "", "User"))
        found = users.none()
        if by.username:
            found = users.filter(username=canonical(by.username.value or ""))
        elif by.email:
            email = canonical_login(by.email.value or "")
            found = users.with_readable_address(email, info.context.actor)
        elif by.external_id and by.external_id.value:
            named = by.external_id.value
            external = ExternalId.objects.visible_to(info.context.actor)
            found = users.filter(pk__in=external.of(named.source, named.value).values("user"))
        return cast("User | None", found)

    @keyset_connection(GroupConnection, scope=Scope.GROUPS_READ, depends_on=ALL_GROUPS)
    def groups(
        self,
        info: Info,
        search: Annotated[
            str | None,
            strawberry.argument(description="Words to find in names. Every word must match."),
        ] = None,
    ) -> Iterable[Group]:
        """Groups, ordered by name. Staff only."""
        require(info.context.actor, may_list_groups)
        groups = auth.Group.objects.order_by(in_name_order("name"), "name")
        if search and search.strip():
            groups = groups.filter(has_words(Fold("name"), words_of(search)))
        return cast("Iterable[Group]", groups)

    @keyset_connection(InvitationConnection, scope=Scope.USERS_READ)
    def invitations(self, info: Info) -> Iterable[Invitation]:
        """Pending invitations to create an account, newest first; only administrators see any."""
        require(info.context.actor, may_list_invitations)
        invitations = models.Invitation.objects.visible_to(info.context.actor)
        return cast("Iterable[Invitation]", invitations.order_by("-pk"))

    @query_field(scope=Scope.GROUPS_READ, depends_on=ALL_PERMISSIONS)
    def permissions(
        self,
        info: Info,
        include_internal: Annotated[  # noqa: FBT002 - an argument of GraphQL
            bool,
            strawberry.argument(
                description="Whether to list those of the service's own tables as well."
            ),
        ] = False,
    ) -> list[Permission]:
        """Permissions that your applications defined, by name. Staff only."""
        require(info.context.actor, may_list_groups)
        permissions = auth.Permission.objects.order_by("content_type__app_label", "codename")
        if not include_internal:
            permissions = permissions.filter(content_type__model=CUSTOM_MODEL)
        return cast("list[Permission]", permissions)
