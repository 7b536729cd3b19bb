"""What an API token may be good for. Every app's policy asks for these."""

from collections.abc import Iterable
from typing import Final

from core.enums import DescribedEnum


class Scope(DescribedEnum):
    """What an API token may do: a subset of what its owner may.

    A scope that ends in `:write` includes the one that ends in `:read`.
    """

    # Names are never given another meaning.

    PROFILE_READ = "profile:read", "Read what is private about the owner."
    PROFILE_WRITE = "profile:write", "Change what the owner tells about themselves."
    USERS_READ = "users:read", "Read other people, as far as the owner sees them."
    USERS_WRITE = "users:write", "Create, invite, change and suspend people."
    GROUPS_READ = "groups:read", "Read groups and permissions."
    GROUPS_WRITE = "groups:write", "Change groups and permissions, and who has them."
    ORGANIZATIONS_READ = "organizations:read", "Read organisations, memberships and invitations."
    ORGANIZATIONS_WRITE = (
        "organizations:write",
        "Create and change organisations, invite to them and change who belongs.",
    )
    SESSIONS_READ = "sessions:read", "Read where people are signed in."
    EVENTS_READ = "events:read", "Read the audit trail, with what is personal in it."
    ANALYTICS_READ = "analytics:read", "Read daily figures."


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return these scopes and those that they include."""
    return frozenset(name for scope in scopes for name in (scope, scope.replace(":write", ":read")))


# What is left of a person's rights to whoever acts in their name. What takes the person is closed
# as to API tokens: credentials, sessions, tokens, the account and its data, invitations.
ON_BEHALF: Final = with_implied(
    (
        *(Scope.PROFILE_WRITE.value, Scope.ORGANIZATIONS_WRITE.value),
        *(Scope.USERS_READ.value, Scope.GROUPS_READ.value),
        *(Scope.SESSIONS_READ.value, Scope.EVENTS_READ.value),
    )
)
