"""The authorisation of every field and mutation for every kind of client.

The tables restate the policy independently; `tests.schema.test_authorization` compares them with
the service and the schema.
"""

from typing import Final

from tests.support.factories import PASSWORD

# Kinds of clients. The data belongs to OWNER; USER is another signed-in user.
ANONYMOUS, USER, OWNER, STAFF, ADMINISTRATOR = KINDS = (
    *("anonymous", "user", "owner", "staff", "administrator"),
)
ALL_KINDS: Final = set(KINDS)
SIGNED_IN: Final = ALL_KINDS - {ANONYMOUS}
PRIVATE: Final = {OWNER, STAFF, ADMINISTRATOR}
STAFF_ONLY: Final = {STAFF, ADMINISTRATOR}
ADMINISTRATORS: Final = {ADMINISTRATOR}
OWN_AND_ADMINISTRATORS: Final = {OWNER, ADMINISTRATOR}

# Reading ---------------------------------------------------------------------------------

# The path to an object of each type, and the readers of its fields. The owner is public.
READS: Final[dict[str, tuple[str, dict[str, set[str]]]]] = {
    "User": (
        "node(id: $owner) { ... on User { FIELD } }",
        {
            "id": SIGNED_IN,
            "username": SIGNED_IN,
            "name": SIGNED_IN,
            "dateJoined": SIGNED_IN,
            "isPublic": SIGNED_IN,
            "isService": SIGNED_IN,
            "profile": SIGNED_IN,
            "memberships": SIGNED_IN,
            # Empty for all but the user and administrators: see
            # tests/authentication/test_api_tokens.py.
            "apiTokens": SIGNED_IN,
            "email": PRIVATE,
            "emailVerifiedAt": PRIVATE,
            "emailAddresses": PRIVATE,
            "lastSeenAt": PRIVATE,
            "isActive": PRIVATE,
            "isStaff": PRIVATE,
            "isSuperuser": PRIVATE,
            "avatar": SIGNED_IN,
            "publicMetadata": SIGNED_IN,
            "privateMetadata": PRIVATE,
            "groups": PRIVATE,
            "permissions": PRIVATE,
            "activeSessionCount": PRIVATE,
            "secondFactors": PRIVATE,
            "secondFactorDueAt": PRIVATE,
            "recoveryCodesLeft": PRIVATE,
            "totp": PRIVATE,
            # Empty for others: see tests/authentication/test_totp.py.
            "passkeys": SIGNED_IN,
            "sessions": SIGNED_IN,
            "events": SIGNED_IN,
            # False for those who may not: see tests/schema/test_viewer_rights.py.
            "viewerCanUpdate": SIGNED_IN,
            "viewerCanAdminister": SIGNED_IN,
            "suspension": STAFF_ONLY,
            "deletion": STAFF_ONLY,
            # Empty but for the owner: see the fields below.
            "dataExports": SIGNED_IN,
            # Only on erased users; see tests/privacy/test_erasure.py.
            "erasedAt": set(),
        },
    ),
    "Profile": (
        "node(id: $owner) { ... on User { profile { FIELD } } }",
        {
            "id": SIGNED_IN,
            "givenName": SIGNED_IN,
            "familyName": SIGNED_IN,
            "nickname": SIGNED_IN,
            "bio": SIGNED_IN,
            "website": SIGNED_IN,
            "timeZone": SIGNED_IN,
            "locale": PRIVATE,
        },
    ),
    "EmailAddress": (
        "node(id: $owner) { ... on User { emailAddresses { FIELD } } }",
        {
            "id": PRIVATE,
            "email": PRIVATE,
            "verifiedAt": PRIVATE,
            "undeliverableAt": PRIVATE,
            "isPrimary": PRIVATE,
        },
    ),
    "Avatar": (
        "node(id: $owner) { ... on User { avatar { FIELD } } }",
        {"url": SIGNED_IN, "width": SIGNED_IN, "height": SIGNED_IN},
    ),
    "Totp": (
        "node(id: $owner) { ... on User { totp { FIELD } } }",
        {"confirmedAt": PRIVATE, "lastUsedAt": PRIVATE},
    ),
    "Passkey": (
        "node(id: $passkey) { ... on Passkey { FIELD } }",
        {
            "id": PRIVATE,
            "name": PRIVATE,
            "aaguid": PRIVATE,
            "isSyncable": PRIVATE,
            "isBackedUp": PRIVATE,
            "createdAt": PRIVATE,
            "lastUsedAt": PRIVATE,
        },
    ),
    "Suspension": (
        "node(id: $owner) { ... on User { suspension { FIELD } } }",
        {"reason": STAFF_ONLY, "until": STAFF_ONLY, "createdAt": STAFF_ONLY},
    ),
    "AccountDeletion": (
        "node(id: $owner) { ... on User { deletion { FIELD } } }",
        {"requestedAt": STAFF_ONLY, "dueAt": STAFF_ONLY},
    ),
    "DataExport": (
        "node(id: $owner) { ... on User { dataExports { FIELD } } }",
        {"id": {OWNER}, "requestedAt": {OWNER}, "readyAt": {OWNER}, "expiresAt": {OWNER}},
    ),
    "Group": (
        "node(id: $group) { ... on Group { FIELD } }",
        # The members are empty for all but staff: see the fields below.
        {"id": PRIVATE, "name": PRIVATE, "permissions": PRIVATE, "members": PRIVATE},
    ),
    "GroupMembership": (
        "node(id: $group) { ... on Group { members(first: 1) { nodes { FIELD } } } }",
        {"user": STAFF_ONLY},
    ),
    "Organization": (
        "node(id: $organization) { ... on Organization { FIELD } }",
        {
            "id": PRIVATE,
            "name": PRIVATE,
            "createdAt": PRIVATE,
            "members": PRIVATE,
            # Null for readers who are not members.
            "myRole": {OWNER},
            # Empty for ordinary members: see tests/organizations/test_organization_invitations.py.
            "invitations": PRIVATE,
            # Empty for all but managers: see tests/organizations/test_organization_events.py.
            "events": PRIVATE,
            "viewerCanUpdate": PRIVATE,
            "viewerCanManage": PRIVATE,
            "viewerCanDelete": PRIVATE,
        },
    ),
    "OrganizationInvitation": (
        "node(id: $invitation) { ... on OrganizationInvitation { FIELD } }",
        {
            "id": PRIVATE,
            "email": PRIVATE,
            "role": PRIVATE,
            "inviter": PRIVATE,
            "createdAt": PRIVATE,
            "expiresAt": PRIVATE,
        },
    ),
    "Membership": (
        "node(id: $owner) { ... on User { memberships(first: 1) { nodes { FIELD } } } }",
        {
            "id": PRIVATE,
            "role": PRIVATE,
            "createdAt": PRIVATE,
            "organization": PRIVATE,
            "user": PRIVATE,
        },
    ),
    "Session": (
        "node(id: $session) { ... on Session { FIELD } }",
        {
            "id": PRIVATE,
            "user": PRIVATE,
            "userAgent": PRIVATE,
            "device": PRIVATE,
            "browser": PRIVATE,
            "operatingSystem": PRIVATE,
            "ip": PRIVATE,
            "createdAt": PRIVATE,
            "lastSeenAt": PRIVATE,
            "expiresAt": PRIVATE,
            "isCurrent": PRIVATE,
            "isImpersonated": PRIVATE,
            "methods": PRIVATE,
            "aal": PRIVATE,
            "authenticatedAt": PRIVATE,
            "factorAt": PRIVATE,
        },
    ),
    "ApiToken": (
        "node(id: $token) { ... on ApiToken { FIELD } }",
        dict.fromkeys(
            (
                *("id", "name", "scopes", "user", "createdAt", "expiresAt", "lastUsedAt"),
                "rotatedAt",
            ),
            OWN_AND_ADMINISTRATORS,
        ),
    ),
    "Event": (
        "node(id: $event) { ... on Event { FIELD } }",
        {
            "id": OWN_AND_ADMINISTRATORS,
            "tag": OWN_AND_ADMINISTRATORS,
            "createdAt": OWN_AND_ADMINISTRATORS,
            "subject": OWN_AND_ADMINISTRATORS,
            "data": OWN_AND_ADMINISTRATORS,
            # The actor is an administrator, who is not public.
            "actor": ADMINISTRATORS,
            "ip": ADMINISTRATORS,
            "userAgent": ADMINISTRATORS,
            "personal": ADMINISTRATORS,
        },
    ),
    "BulkAction": (
        "node(id: $bulk) { ... on BulkAction { FIELD } }",
        dict.fromkeys(
            (
                *("id", "action", "state", "requester", "total", "done", "unchanged", "failed"),
                *("createdAt", "startedAt", "finishedAt", "arguments", "search", "filter"),
                "failures",
            ),
            ADMINISTRATORS,
        ),
    ),
    "BulkFailure": (
        "bulkAction(id: $bulk) { failures(first: 1) { nodes { FIELD } } }",
        {"user": ADMINISTRATORS, "code": ADMINISTRATORS},
    ),
    "Permission": (
        "permissions { FIELD }",
        {"name": STAFF_ONLY, "description": STAFF_ONLY},
    ),
    "Settings": (
        "settings { FIELD }",
        dict.fromkeys(
            (
                *("serviceName", "signUp", "signUpDomains", "password", "username", "locales"),
                *("avatarUpload", "secondFactor", "passkeyRelyingPartyId", "limits"),
            ),
            ALL_KINDS,
        ),
    ),
    "PasswordRules": (
        "settings { password { FIELD } }",
        dict.fromkeys(("minLength", "maxLength", "areLookedUp"), ALL_KINDS),
    ),
    "UsernameRules": (
        "settings { username { FIELD } }",
        dict.fromkeys(("minLength", "maxLength"), ALL_KINDS),
    ),
    "UploadRules": (
        "settings { avatarUpload { FIELD } }",
        dict.fromkeys(("maxBytes", "maxPixels"), ALL_KINDS),
    ),
    "RequestLimits": (
        "settings { limits { FIELD } }",
        dict.fromkeys(
            (
                *("maxPageSize", "maxCharacters", "maxTokens", "maxDepth", "maxAliases"),
                *("maxRootFields", "maxFields", "maxRows", "maxValues", "maxBodyBytes"),
                "maxResponseBytes",
            ),
            ALL_KINDS,
        ),
    ),
    "RateLimit": (
        "rateLimit { FIELD }",
        dict.fromkeys(("limit", "remaining", "resetAt", "cost"), ALL_KINDS),
    ),
    "AnalyticsDay": (
        'analytics(from: "2026-01-01", to: "2026-01-01") { FIELD }',
        {"date": STAFF_ONLY, "signUps": STAFF_ONLY, "newUsers": STAFF_ONLY, "logIns": STAFF_ONLY},
    ),
    "Query": (
        "FIELD",
        {
            "me": SIGNED_IN,
            "settings": ALL_KINDS,
            "rateLimit": ALL_KINDS,
            "user": SIGNED_IN,
            "userBy": SIGNED_IN,
            "users": SIGNED_IN,
            "serviceAccounts": STAFF_ONLY,
            "node": SIGNED_IN,
            "nodes": SIGNED_IN,
            "groups": STAFF_ONLY,
            "permissions": STAFF_ONLY,
            "organization": PRIVATE,
            "organizations": SIGNED_IN,
            "sessions": SIGNED_IN,
            "events": SIGNED_IN,
            "analytics": STAFF_ONLY,
            "bulkAction": ADMINISTRATORS,
            # Empty for users who are and were not administrators.
            "bulkActions": SIGNED_IN,
        },
    ),
}
# Arguments of fields.
ARGUMENTS: Final = {
    "User.memberships": "(first: 1)",
    "User.apiTokens": "(first: 1)",
    "Query.serviceAccounts": "(first: 1)",
    "User.passkeys": "(first: 1)",
    "User.sessions": "(first: 1)",
    "User.events": "(first: 1)",
    "Organization.members": "(first: 1)",
    "Organization.events": "(first: 1)",
    "Group.members": "(first: 1)",
    "BulkAction.failures": "(first: 1)",
    "Query.bulkAction": "(id: $bulk)",
    "Query.bulkActions": "(first: 1)",
    "Query.user": "(id: $owner)",
    "Query.userBy": '(by: {username: "Owner"})',
    "Query.node": "(id: $owner)",
    "Query.nodes": "(ids: [$owner])",
    "Query.users": "(first: 1)",
    "Query.groups": "(first: 1)",
    "Query.sessions": "(first: 1)",
    "Query.events": "(first: 1)",
    "Query.organizations": "(first: 1)",
    "Query.organization": "(id: $organization)",
    "Query.analytics": '(from: "2026-01-01", to: "2026-01-01")',
}
# Structural types: connections, payloads and their parts.
STRUCTURE: Final = (
    *("Connection", "Edge", "PageInfo", "TotalCount", "Payload", "InputError", "Mutation"),
    "SecondFactorChallenge",
)

# Writing ---------------------------------------------------------------------------------

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
}

# By API token -----------------------------------------------------------------------------

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
