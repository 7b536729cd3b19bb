"""Who may do what by an API token: every field and every mutation, by what the token is good for.

This is besides `tests.authorization`: a token does what its owner may, and of that what its scopes
allow. `a+b` stands for both scopes, `a|b` for either, and the empty text for any token.
"""

from typing import Final

ANY: Final = ""
# What no token is good for.
NONE: Final = "none"

_PRIVATE: Final = ("profile:read", "users:read")
# What reading a type takes, of oneself and, for an administrator, of somebody else.
TYPES: Final[dict[str, tuple[str, str]]] = {
    "User": (ANY, "users:read"),
    "Profile": (ANY, "users:read"),
    "EmailAddress": _PRIVATE,
    "Avatar": (ANY, "users:read"),
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
    "User.email": _PRIVATE,
    "User.emailVerifiedAt": _PRIVATE,
    "User.emailAddresses": _PRIVATE,
    "User.privateMetadata": _PRIVATE,
    "User.lastSeenAt": _PRIVATE,
    "User.isActive": _PRIVATE,
    "User.isStaff": _PRIVATE,
    "User.isSuperuser": _PRIVATE,
    "User.groups": _PRIVATE,
    "User.permissions": _PRIVATE,
    "User.secondFactors": _PRIVATE,
    "User.secondFactorDueAt": _PRIVATE,
    "User.recoveryCodesLeft": _PRIVATE,
    "User.totp": (NONE, NONE),
    "User.activeSessionCount": ("profile:read+sessions:read", "users:read+sessions:read"),
    "Profile.locale": _PRIVATE,
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

# What each mutation takes.
WRITES: Final[dict[str, str]] = {
    # A token does not sign in or up, and opens no mailed link.
    "signUp": NONE,
    "resendVerification": NONE,
    "verifyEmail": NONE,
    "confirmEmailChange": NONE,
    "acceptInvitation": NONE,
    "logIn": NONE,
    "verifySecondFactor": NONE,
    "beginPasskeyAuthentication": NONE,
    "logInWithPasskey": NONE,
    "reauthenticate": NONE,
    "refreshTokens": NONE,
    "logOut": NONE,
    "requestPasswordReset": NONE,
    "resetPassword": NONE,
    "acceptOrganizationInvitation": NONE,
    "declineOrganizationInvitation": NONE,
    "signUpByOrganizationInvitation": NONE,
    # Nor does it change how anybody signs in, or make more of its kind.
    "requestEmailChange": NONE,
    "addEmailAddress": NONE,
    "confirmEmailAddress": NONE,
    "setPrimaryEmailAddress": NONE,
    "removeEmailAddress": NONE,
    "removeUserEmailAddress": NONE,
    "changeUsername": NONE,
    "changePassword": NONE,
    "beginTotpEnrollment": NONE,
    "confirmTotpEnrollment": NONE,
    "removeTotp": NONE,
    "beginPasskeyRegistration": NONE,
    "registerPasskey": NONE,
    "renamePasskey": NONE,
    "removePasskey": NONE,
    "regenerateRecoveryCodes": NONE,
    "resetSecondFactors": NONE,
    "impersonateUser": NONE,
    "requirePasswordReset": NONE,
    "revokeSession": NONE,
    "revokeOtherSessions": NONE,
    "logOutEverywhere": NONE,
    "endSessions": NONE,
    "unlockUser": NONE,
    "createApiToken": NONE,
    "rotateApiToken": NONE,
    "renameApiToken": NONE,
    "revokeApiToken": NONE,
    "createServiceAccount": NONE,
    "createServiceAccountToken": NONE,
    "deactivateServiceAccount": NONE,
    # Data and accounts are people's own affair.
    "requestDataExport": NONE,
    "deleteMe": NONE,
    "cancelDeletion": NONE,
    "deleteUser": NONE,
    "cancelUserDeletion": NONE,
    # These take the password.
    "deleteOrganization": NONE,
    "updateProfile": "profile:write",
    "setAvatar": "profile:write",
    "removeAvatar": "profile:write",
    "removeUserAvatar": "users:write",
    "updateMetadata": "users:write",
    "createUser": "users:write",
    "inviteUser": "users:write",
    # The one in the table makes somebody staff.
    "updateUser": NONE,
    "verifyUserEmail": "users:write",
    "suspendUser": "users:write",
    "reactivateUser": "users:write",
    "startBulkAction": "users:write",
    "cancelBulkAction": "users:write",
    "createPermission": "groups:write",
    "describePermission": "groups:write",
    "deletePermission": "groups:write",
    "createGroup": "groups:write",
    "updateGroup": "groups:write",
    "deleteGroup": "groups:write",
    "addToGroups": "users:write+groups:write",
    "removeFromGroups": "users:write+groups:write",
    "grantUserPermissions": "users:write+groups:write",
    "revokeUserPermissions": "users:write+groups:write",
    "grantGroupPermissions": "groups:write",
    "revokeGroupPermissions": "groups:write",
    "createOrganization": "organizations:write",
    "updateOrganization": "organizations:write",
    "inviteToOrganization": "organizations:write",
    "cancelOrganizationInvitation": "organizations:write",
    "changeMembershipRole": "organizations:write",
    "removeMember": "organizations:write",
    "leaveOrganization": "organizations:write",
}


def suffices(scopes: frozenset[str], need: str) -> bool:
    """Return whether a token of these scopes, with those they include, is good for something."""
    if need == NONE:
        return False
    has = scopes | {scope.replace(":write", ":read") for scope in scopes}
    return need == ANY or any(has >= set(way.split("+")) for way in need.split("|"))
