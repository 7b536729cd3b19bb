"""Scopes of API tokens, which the policies of all apps check."""

from collections.abc import Iterable
from typing import Final

from core.enums import DescribedEnum


class Scope(DescribedEnum):
    """A scope of an API token: a part of its owner's rights.

    A scope that ends in `:write` includes the one that ends in `:read`.
    """

    # Issued tokens store the values, so a value never changes its meaning.

    PROFILE_READ = "profile:read", "Read the owner's private data."
    PROFILE_WRITE = "profile:write", "Change the owner's profile."
    USERS_READ = "users:read", "Read the other users whom the owner may see."
    USERS_WRITE = "users:write", "Create, invite, change and suspend users."
    GROUPS_READ = "groups:read", "Read groups and permissions."
    GROUPS_WRITE = "groups:write", "Change groups, permissions and their assignments."
    ORGANIZATIONS_READ = "organizations:read", "Read organisations, memberships and invitations."
    ORGANIZATIONS_WRITE = (
        "organizations:write",
        "Create and change organisations, their invitations and memberships.",
    )
    SESSIONS_READ = "sessions:read", "Read sessions."
    EVENTS_READ = "events:read", "Read the audit trail, personal values included."
    ANALYTICS_READ = "analytics:read", "Read analytics."
    WEBHOOKS_READ = "webhooks:read", "Read webhooks and their deliveries."
    WEBHOOKS_WRITE = "webhooks:write", "Delete webhooks, test them and repeat deliveries."


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes with those that they include."""
    return frozenset(name for scope in scopes for name in (scope, scope.replace(":write", ":read")))


# The scopes of an impersonation. Operations that could take over the account require an interactive
# session, as for API tokens: credentials, sessions, tokens, the account and its data, invitations.
ON_BEHALF: Final = with_implied(
    (
        *(Scope.PROFILE_WRITE.value, Scope.ORGANIZATIONS_WRITE.value),
        *(Scope.USERS_READ.value, Scope.GROUPS_READ.value),
        *(Scope.SESSIONS_READ.value, Scope.EVENTS_READ.value),
    )
)
