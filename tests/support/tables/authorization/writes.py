"""The outcomes of mutations, and the scopes that they require of API tokens."""

from typing import Final

from tests.support.factories import PASSWORD
from tests.support.tables.authorization.kinds import (
    ADMINISTRATOR,
    ADMINISTRATORS,
    ANONYMOUS,
    KINDS,
    OWN_AND_ADMINISTRATORS,
    OWNER,
    SIGNED_IN,
    STAFF,
    STAFF_ONLY,
    USER,
)

OK, UNAUTHENTICATED, FORBIDDEN = "OK", "UNAUTHENTICATED", "FORBIDDEN"
NOT_FOUND, TOKEN_INVALID, LAST_OWNER = "NOT_FOUND", "TOKEN_INVALID", "LAST_OWNER"
CODE_INVALID, PASSKEY_INVALID = "CODE_INVALID", "PASSKEY_INVALID"
TOTP_ACTIVE, REAUTHENTICATION_REQUIRED = "TOTP_ACTIVE", "REAUTHENTICATION_REQUIRED"


def same_for_all(outcome: str) -> dict[str, str]:
    return dict.fromkeys(KINDS, outcome)


def allow_only(allowed: set[str], otherwise: str = FORBIDDEN) -> dict[str, str]:
    """Allow some; forbid others; anonymous clients get UNAUTHENTICATED."""
    refused = dict.fromkeys(KINDS, otherwise) | {ANONYMOUS: UNAUTHENTICATED}
    return refused | dict.fromkeys(allowed, OK)


def in_organization(outcome: str = OK, **others: str) -> dict[str, str]:
    """Same outcome for the owner and administrators; staff may only read, others may not."""
    refused = {ANONYMOUS: UNAUTHENTICATED, USER: NOT_FOUND, STAFF: FORBIDDEN}
    return refused | dict.fromkeys((OWNER, ADMINISTRATOR), outcome) | others


NEW_PASSWORD: Final = "another phrase to remember"

# Each mutation with an input about the owner, and its outcomes by kind of client. Mutations of the
# client's own data succeed for all signed-in users.
WRITES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    # Without authentication.
    "signUp": (
        '{email: "new@example.org", username: "new", password: "a phrase to remember"}',
        same_for_all(OK),
    ),
    "resendVerification": ('{email: "new@example.org"}', same_for_all(OK)),
    "verifyEmail": ('{token: "x"}', same_for_all(TOKEN_INVALID)),
    "confirmEmailChange": ('{token: "x"}', same_for_all(TOKEN_INVALID)),
    "confirmEmailAddress": ('{token: "x"}', same_for_all(TOKEN_INVALID)),
    "undoEmailChange": ('{token: "x"}', same_for_all(TOKEN_INVALID)),
    "acceptInvitation": (
        '{token: "x", username: "new", password: "a phrase to remember"}',
        same_for_all(TOKEN_INVALID),
    ),
    "logIn": (f'{{login: "owner", password: "{PASSWORD}"}}', same_for_all(OK)),
    "refreshTokens": ('{refreshToken: "x"}', same_for_all(TOKEN_INVALID)),
    "logOut": ("", same_for_all(OK)),
    "requestPasswordReset": ('{email: "owner@example.org"}', same_for_all(OK)),
    "resetPassword": (
        f'{{token: "x", newPassword: "{NEW_PASSWORD}"}}',
        same_for_all(TOKEN_INVALID),
    ),
    "verifySecondFactor": (
        '{mfaToken: "x", factor: {totp: "123456"}}',
        same_for_all(TOKEN_INVALID),
    ),
    "beginPasskeyAuthentication": ("{use: LOG_IN}", same_for_all(OK)),
    "logInWithPasskey": ("{credential: {}}", same_for_all(PASSKEY_INVALID)),
    # Second factors, of which the owner has all kinds.
    "reauthenticate": (
        f'{{proof: {{password: "{PASSWORD}"}}}}',
        allow_only(SIGNED_IN) | {OWNER: REAUTHENTICATION_REQUIRED},
    ),
    "beginTotpEnrollment": ("", allow_only(SIGNED_IN) | {OWNER: TOTP_ACTIVE}),
    "confirmTotpEnrollment": ('{code: "123456"}', allow_only(set(), CODE_INVALID)),
    "removeTotp": ("", allow_only({OWNER}, NOT_FOUND)),
    "regenerateRecoveryCodes": ("", allow_only({OWNER}, NOT_FOUND)),
    "beginPasskeyRegistration": ("", allow_only(SIGNED_IN)),
    "registerPasskey": ('{name: "x", credential: {}}', allow_only(set(), PASSKEY_INVALID)),
    "renamePasskey": ('{passkeyId: $passkey, name: "Laptop"}', allow_only({OWNER}, NOT_FOUND)),
    "removePasskey": ("{passkeyId: $passkey}", allow_only({OWNER}, NOT_FOUND)),
    "resetSecondFactors": ("{userId: $owner}", allow_only(ADMINISTRATORS)),
    "cancelDeletion": ('{token: "x"}', same_for_all(TOKEN_INVALID)),
    # On one's own data.
    "updateProfile": ('{name: "New Name"}', allow_only(SIGNED_IN)),
    "requestEmailChange": (
        f'{{email: "new@example.org", password: "{PASSWORD}"}}',
        allow_only(SIGNED_IN),
    ),
    "addEmailAddress": (
        f'{{email: "new@example.org", password: "{PASSWORD}"}}',
        allow_only(SIGNED_IN),
    ),
    # The address belongs to the owner.
    "setPrimaryEmailAddress": (
        f'{{email: "owner@example.com", password: "{PASSWORD}"}}',
        allow_only({OWNER}, NOT_FOUND),
    ),
    "removeEmailAddress": (
        f'{{email: "owner@example.com", password: "{PASSWORD}"}}',
        allow_only({OWNER}, NOT_FOUND),
    ),
    # With a file, which the test sends.
    "setAvatar": ("{image: $image}", allow_only(SIGNED_IN)),
    "removeAvatar": ("", allow_only(SIGNED_IN)),
    "changeUsername": (f'{{username: "new-name", password: "{PASSWORD}"}}', allow_only(SIGNED_IN)),
    "changePassword": (
        f'{{currentPassword: "{PASSWORD}", newPassword: "{NEW_PASSWORD}"}}',
        allow_only(SIGNED_IN),
    ),
    "createApiToken": (
        f'{{name: "CI", scopes: [USERS_READ], password: "{PASSWORD}"}}',
        allow_only(SIGNED_IN),
    ),
    # Administrators do not get secrets of other users' tokens.
    "rotateApiToken": (
        f'{{tokenId: $token, password: "{PASSWORD}"}}',
        allow_only({OWNER}, NOT_FOUND) | {ADMINISTRATOR: FORBIDDEN},
    ),
    "renameApiToken": (
        '{tokenId: $token, name: "Deployment"}',
        allow_only(OWN_AND_ADMINISTRATORS, NOT_FOUND),
    ),
    "revokeApiToken": ("{tokenId: $token}", allow_only(OWN_AND_ADMINISTRATORS, NOT_FOUND)),
    "revokeSession": ("{sessionId: $session}", allow_only({OWNER, ADMINISTRATOR}, NOT_FOUND)),
    "revokeOtherSessions": ("", allow_only(SIGNED_IN)),
    "logOutEverywhere": ("", allow_only(SIGNED_IN)),
    "requestDataExport": ("", allow_only(SIGNED_IN)),
    # Refused to the last owner of an organisation and to the last administrator.
    "deleteMe": (
        f'{{password: "{PASSWORD}"}}',
        allow_only({USER, STAFF}) | {OWNER: LAST_OWNER, ADMINISTRATOR: "LAST_ADMINISTRATOR"},
    ),
    # For staff.
    "removeUserAvatar": ("{userId: $owner}", allow_only(STAFF_ONLY)),
    "updateMetadata": ('{userId: $owner, public: {plan: "team"}}', allow_only(STAFF_ONLY)),
    # For administrators.
    "deleteUser": ("{userId: $member}", allow_only(ADMINISTRATORS)),
    "cancelUserDeletion": ("{userId: $deleted}", allow_only(ADMINISTRATORS)),
    "createUser": (
        '{email: "new@example.org", username: "new", password: "a phrase to remember"}',
        allow_only(ADMINISTRATORS),
    ),
    "inviteUser": ('{email: "new@example.org"}', allow_only(ADMINISTRATORS)),
    "resendInvitation": ("{invitationId: $pending}", allow_only(ADMINISTRATORS)),
    "cancelInvitation": ("{invitationId: $pending}", allow_only(ADMINISTRATORS)),
    "updateUser": ("{userId: $owner, isStaff: true}", allow_only(ADMINISTRATORS)),
    "verifyUserEmail": ("{userId: $owner}", allow_only(ADMINISTRATORS)),
    "removeUserEmailAddress": (
        '{userId: $owner, email: "owner@example.com"}',
        allow_only(ADMINISTRATORS),
    ),
    "requirePasswordReset": ("{userId: $owner}", allow_only(ADMINISTRATORS)),
    "suspendUser": ('{userId: $owner, reason: "Spam"}', allow_only(ADMINISTRATORS)),
    "reactivateUser": ("{userId: $owner}", allow_only(ADMINISTRATORS)),
    "impersonateUser": ('{userId: $owner, reason: "Ticket 7"}', allow_only(ADMINISTRATORS)),
    "unlockUser": ("{userId: $owner}", allow_only(ADMINISTRATORS)),
    "endSessions": ("{userId: $owner}", allow_only(ADMINISTRATORS)),
    "startBulkAction": (
        '{action: SUSPEND, reason: "Spam", search: "owner", expectedCount: 1}',
        allow_only(ADMINISTRATORS),
    ),
    "cancelBulkAction": ("{bulkActionId: $bulk}", allow_only(ADMINISTRATORS)),
    "exportUsers": ("{fields: [USERNAME], format: CSV}", allow_only(ADMINISTRATORS)),
    "importUsers": ("{file: $image, format: CSV}", allow_only(ADMINISTRATORS)),
    "cancelJob": ("{jobId: $export}", allow_only(ADMINISTRATORS)),
    "createServiceAccount": ('{username: "robot"}', allow_only(ADMINISTRATORS)),
    "createServiceAccountToken": (
        f"""{{
          serviceAccountId: $service, name: "CI", scopes: [USERS_READ], password: "{PASSWORD}"
        }}""",
        allow_only(ADMINISTRATORS),
    ),
    "deactivateServiceAccount": ("{serviceAccountId: $service}", allow_only(ADMINISTRATORS)),
    "createPermission": (
        '{name: "billing.pay", description: "Can pay"}',
        allow_only(ADMINISTRATORS),
    ),
    "describePermission": (
        '{name: "shop.sell", description: "Can sell"}',
        allow_only(ADMINISTRATORS),
    ),
    "deletePermission": ('{name: "shop.sell"}', allow_only(ADMINISTRATORS)),
    "createGroup": ('{name: "Authors", permissions: []}', allow_only(ADMINISTRATORS)),
    "updateGroup": ('{groupId: $group, name: "Authors"}', allow_only(ADMINISTRATORS)),
    "deleteGroup": ("{groupId: $group}", allow_only(ADMINISTRATORS)),
    "addToGroups": ("{userId: $member, groupIds: [$group]}", allow_only(ADMINISTRATORS)),
    "removeFromGroups": ("{userId: $owner, groupIds: [$group]}", allow_only(ADMINISTRATORS)),
    "grantUserPermissions": (
        '{userId: $owner, permissions: ["shop.sell"]}',
        allow_only(ADMINISTRATORS),
    ),
    "revokeUserPermissions": (
        '{userId: $owner, permissions: ["shop.sell"]}',
        allow_only(ADMINISTRATORS),
    ),
    "grantGroupPermissions": (
        '{groupId: $group, permissions: ["shop.sell"]}',
        allow_only(ADMINISTRATORS),
    ),
    "revokeGroupPermissions": (
        '{groupId: $group, permissions: ["shop.sell"]}',
        allow_only(ADMINISTRATORS),
    ),
    # In organisations; the owner owns this one.
    "createOrganization": ('{name: "Archers"}', allow_only(SIGNED_IN)),
    "updateOrganization": (
        '{organizationId: $organization, name: "Archers"}',
        in_organization(),
    ),
    "deleteOrganization": (
        f'{{organizationId: $organization, password: "{PASSWORD}"}}',
        in_organization(),
    ),
    "inviteToOrganization": (
        '{organizationId: $organization, email: "new@example.org", role: OWNER}',
        in_organization(),
    ),
    "cancelOrganizationInvitation": ("{invitationId: $invitation}", in_organization()),
    "acceptOrganizationInvitation": (
        '{token: "x"}',
        same_for_all(TOKEN_INVALID) | {ANONYMOUS: UNAUTHENTICATED},
    ),
    "declineOrganizationInvitation": ('{token: "x"}', same_for_all(TOKEN_INVALID)),
    "signUpByOrganizationInvitation": (
        '{token: "x", username: "new", password: "a phrase to remember"}',
        same_for_all(TOKEN_INVALID),
    ),
    "changeMembershipRole": (
        "{organizationId: $organization, userId: $owner, role: MEMBER}",
        in_organization(LAST_OWNER),
    ),
    "removeMember": (
        "{organizationId: $organization, userId: $member}",
        in_organization(),
    ),
    "leaveOrganization": (
        "{organizationId: $organization}",
        in_organization(LAST_OWNER, staff=NOT_FOUND, administrator=NOT_FOUND),
    ),
    # Of the organisation, created by the owner.
    "createWebhook": (
        '{organizationId: $organization, url: "https://example.org/", tags: [MEMBER_LEFT]}',
        in_organization(),
    ),
    # Administrators do not change what is read with the owner's rights.
    "updateWebhook": (
        '{webhookId: $webhook, url: "https://example.org/"}',
        allow_only({OWNER}, NOT_FOUND) | {ADMINISTRATOR: FORBIDDEN},
    ),
    "rotateWebhookSecret": (
        "{webhookId: $webhook}",
        allow_only({OWNER}, NOT_FOUND) | {ADMINISTRATOR: FORBIDDEN},
    ),
    "deleteWebhook": ("{webhookId: $webhook}", allow_only(OWN_AND_ADMINISTRATORS, NOT_FOUND)),
    "sendTestWebhook": ("{webhookId: $webhook}", allow_only(OWN_AND_ADMINISTRATORS, NOT_FOUND)),
    "redeliverWebhook": ("{deliveryId: $delivery}", allow_only(OWN_AND_ADMINISTRATORS, NOT_FOUND)),
}

# Not available to API tokens.
NONE: Final = "none"
# The scopes that a mutation requires of a token, joined by `+`. Other mutations require an
# interactive session.
TOKEN_WRITES: Final[dict[str, str]] = {
    "updateProfile": "profile:write",
    "setAvatar": "profile:write",
    "removeAvatar": "profile:write",
    "removeUserAvatar": "users:write",
    "updateMetadata": "users:write",
    "createUser": "users:write",
    "inviteUser": "users:write",
    "resendInvitation": "users:write",
    "cancelInvitation": "users:write",
    "verifyUserEmail": "users:write",
    "suspendUser": "users:write",
    "reactivateUser": "users:write",
    "startBulkAction": "users:write",
    "cancelBulkAction": "users:write",
    "cancelJob": "users:write",
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
    "deleteWebhook": "webhooks:write",
    "sendTestWebhook": "webhooks:write",
    "redeliverWebhook": "webhooks:write",
}
