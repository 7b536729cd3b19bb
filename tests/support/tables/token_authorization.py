"""Who may do what by an API token: every field and every mutation, by what the token is good for.

This is besides `tests.support.tables.authorization`: a token does what its owner may, and of that
what its scopes allow. `a+b` stands for both scopes, `a|b` for either, and the empty text for any
token. The tables state exceptions: what is not here follows from who reads it, and no token changes
anything.
"""

from typing import Final

from tests.support.tables.authorization import NONE, PRIVATE, TOKEN_WRITES

ANY: Final = ""

# Of a user's fields: what everybody reads, and what is private.
_PUBLIC: Final = (ANY, "users:read")
_PRIVATE: Final = ("profile:read", "users:read")
# What reading a type takes, of oneself and, for an administrator, of somebody else.
TYPES: Final[dict[str, tuple[str, str]]] = {
    "Suspension": (NONE, "users:read"),
    "AccountDeletion": (NONE, "users:read"),
    "DataExport": (NONE, NONE),
    # One's own are private about oneself.
    "Group": ("groups:read|profile:read", "groups:read"),
    "Organization": ("organizations:read", "organizations:read"),
    "OrganizationInvitation": ("organizations:read", "organizations:read"),
    "Membership": ("organizations:read", "organizations:read+users:read"),
    "Session": ("sessions:read", "sessions:read"),
    "ApiToken": (NONE, NONE),
    "Totp": (NONE, NONE),
    "Passkey": (NONE, NONE),
    "Event": ("events:read", "events:read"),
    # What they tell is for who may start them.
    "BulkAction": (NONE, "users:write"),
    "BulkFailure": (NONE, "users:write"),
    "Permission": ("groups:read", "groups:read"),
    "AnalyticsDay": ("analytics:read", "analytics:read"),
}
# The same of fields that take something else than their type.
FIELDS: Final[dict[str, tuple[str, str]]] = {
    "User.totp": (NONE, NONE),
    "User.activeSessionCount": ("profile:read+sessions:read", "users:read+sessions:read"),
    # Whoever is somebody else is a person to be read.
    "OrganizationInvitation.inviter": ("organizations:read", "organizations:read+users:read"),
    "Session.user": ("sessions:read", "sessions:read+users:read"),
    "Event.subject": ("events:read", "events:read+users:read"),
    "Query.me": (ANY, ANY),
    "Query.node": (ANY, "users:read"),
    "Query.user": ("users:read", "users:read"),
    "Query.users": ("users:read", "users:read"),
    "Query.serviceAccounts": ("users:read", "users:read"),
    "Query.groups": ("groups:read", "groups:read"),
    "Query.permissions": ("groups:read", "groups:read"),
    "Query.organization": ("organizations:read", "organizations:read"),
    "Query.organizations": ("organizations:read", "organizations:read"),
    "Query.sessions": ("sessions:read", "sessions:read"),
    "Query.events": ("events:read", "events:read"),
    "Query.bulkAction": ("users:write", "users:write"),
    "Query.bulkActions": ("users:write", "users:write"),
    "Query.analytics": ("analytics:read", "analytics:read"),
}


def scopes_to_read(coordinate: str, readers: set[str]) -> tuple[str, str]:
    """Return what reading a field takes, of oneself and, for an administrator, of others."""
    type_name, _field = coordinate.split(".")
    by_readers = _PRIVATE if readers == PRIVATE else _PUBLIC
    return FIELDS.get(coordinate) or TYPES.get(type_name) or by_readers


def scopes_to_write(name: str) -> str:
    """Return what a mutation takes."""
    return TOKEN_WRITES.get(name, NONE)


def suffices(scopes: frozenset[str], need: str) -> bool:
    """Return whether a token of these scopes, with those they include, is good for something."""
    if need == NONE:
        return False
    has = scopes | {scope.replace(":write", ":read") for scope in scopes}
    return need == ANY or any(has >= set(way.split("+")) for way in need.split("|"))
