"""The scopes that every field and mutation requires of an API token.

In addition to `tests.support.tables.authorization`: a token may do what both its owner's
permissions and its scopes allow. `a+b` requires both scopes, `a|b` either one, and the empty text
none. The tables list exceptions: otherwise reading follows from the readers of a field, and
mutations are not available to tokens.
"""

from typing import Final

from tests.support.tables.authorization.kinds import PRIVATE
from tests.support.tables.authorization.writes import NONE, TOKEN_WRITES

ANY: Final = ""

# A user's public and private fields.
_PUBLIC: Final = (ANY, "users:read")
_PRIVATE: Final = ("profile:read", "users:read")
# The scopes to read a type: of the token's owner and, for an administrator, of other users.
TYPES: Final[dict[str, tuple[str, str]]] = {
    "Suspension": (NONE, "users:read"),
    "AccountDeletion": (NONE, "users:read"),
    "DataExport": (NONE, NONE),
    # The owner's own groups belong to their private profile data.
    "Group": ("groups:read|profile:read", "groups:read"),
    "GroupMembership": (NONE, "groups:read+users:read"),
    "Organization": ("organizations:read", "organizations:read"),
    "OrganizationInvitation": ("organizations:read", "organizations:read"),
    "Membership": ("organizations:read", "organizations:read+users:read"),
    "Session": ("sessions:read", "sessions:read+users:read"),
    "ApiToken": (NONE, NONE),
    "Totp": (NONE, NONE),
    "Passkey": (NONE, NONE),
    "Event": ("events:read", "events:read"),
    # Readable by those who may start bulk actions.
    "BulkAction": (NONE, "users:write"),
    "UserExport": (NONE, "users:write"),
    "UserImport": (NONE, "users:write"),
    "SkippedRow": (NONE, "users:write"),
    "BulkFailure": (NONE, "users:write"),
    "Webhook": ("webhooks:read", "webhooks:read"),
    "WebhookDelivery": ("webhooks:read", "webhooks:read"),
    "Permission": ("groups:read", "groups:read"),
    **dict.fromkeys(
        (
            *("Settings", "PasswordRules", "UsernameRules", "UploadRules", "RequestLimits"),
            "RateLimit",
        ),
        (ANY, ANY),
    ),
    "AnalyticsDay": ("analytics:read", "analytics:read"),
    "RetentionCohort": ("analytics:read", "analytics:read"),
}
# The scopes of fields that differ from those of their type.
FIELDS: Final[dict[str, tuple[str, str]]] = {
    "User.totp": (NONE, NONE),
    "User.activeSessionCount": ("profile:read+sessions:read", "users:read+sessions:read"),
    # Another user, so reading users is required.
    "OrganizationInvitation.inviter": ("organizations:read", "organizations:read+users:read"),
    "Event.subject": ("events:read", "events:read+users:read"),
    "Webhook.owner": ("webhooks:read", "webhooks:read+users:read"),
    "Webhook.organization": (
        "webhooks:read+organizations:read",
        "webhooks:read+organizations:read",
    ),
    "WebhookDelivery.event": ("webhooks:read+events:read", "webhooks:read+events:read"),
    "Query.webhook": ("webhooks:read", "webhooks:read"),
    "Query.webhooks": ("webhooks:read", "webhooks:read"),
    "Query.me": (ANY, ANY),
    "Query.settings": (ANY, ANY),
    "Query.rateLimit": (ANY, ANY),
    "Query.node": (ANY, "users:read"),
    "Query.nodes": (ANY, "users:read"),
    "Query.user": ("users:read", "users:read"),
    "Query.userBy": ("users:read", "users:read"),
    "Query.users": ("users:read", "users:read"),
    "Query.serviceAccounts": ("users:read", "users:read"),
    "Query.invitations": ("users:read", "users:read"),
    "Query.groups": ("groups:read", "groups:read"),
    "Query.permissions": ("groups:read", "groups:read"),
    "Query.organization": ("organizations:read", "organizations:read"),
    "Query.organizations": ("organizations:read", "organizations:read"),
    "Query.sessions": ("sessions:read", "sessions:read"),
    "Query.events": ("events:read", "events:read"),
    "Query.bulkAction": ("users:write", "users:write"),
    "Query.bulkActions": ("users:write", "users:write"),
    "Query.job": ("users:write", "users:write"),
    "Query.jobs": ("users:write", "users:write"),
    "Query.analytics": ("analytics:read", "analytics:read"),
    "Query.retention": ("analytics:read", "analytics:read"),
}


def scopes_to_read(coordinate: str, readers: set[str]) -> tuple[str, str]:
    """Return the scopes to read a field of one's own and of others."""
    type_name, _field = coordinate.split(".")
    by_readers = _PRIVATE if readers == PRIVATE else _PUBLIC
    return FIELDS.get(coordinate) or TYPES.get(type_name) or by_readers


def scopes_to_write(name: str) -> str:
    """Return the scopes that a mutation requires."""
    return TOKEN_WRITES.get(name, NONE)


def suffices(scopes: frozenset[str], need: str) -> bool:
    """Return whether scopes, including implied ones, satisfy a requirement."""
    if need == NONE:
        return False
    has = scopes | {scope.replace(":write", ":read") for scope in scopes}
    return need == ANY or any(has >= set(way.split("+")) for way in need.split("|"))
