"""The readers of the fields of each type."""

from typing import Final

from tests.support.tables.authorization.kinds import (
    ADMINISTRATORS,
    ALL_KINDS,
    OWN_AND_ADMINISTRATORS,
    OWNER,
    PRIVATE,
    SIGNED_IN,
    STAFF_ONLY,
)

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
            # Empty for others than staff: see the fields below.
            "externalIds": SIGNED_IN,
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
    "ExternalId": (
        "node(id: $owner) { ... on User { externalIds { FIELD } } }",
        {"source": STAFF_ONLY, "value": STAFF_ONLY},
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
            "viewerCanCreateWebhooks": PRIVATE,
            # Empty for all but managers: see tests/webhooks/test_deliveries.py.
            "webhooks": PRIVATE,
        },
    ),
    "Invitation": (
        "node(id: $pending) { ... on Invitation { FIELD } }",
        dict.fromkeys(("id", "email", "name", "locale", "expiresAt"), ADMINISTRATORS),
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
                *("failures", "errors", "progress", "rate"),
            ),
            ADMINISTRATORS,
        )
        # Only of running and of failed jobs: see tests/jobs.
        | {"estimatedEnd": set(), "failureReason": set()},
    ),
    "UserExport": (
        "node(id: $export) { ... on UserExport { FIELD } }",
        dict.fromkeys(
            (
                *("id", "fields", "format", "state", "requester", "total", "done", "unchanged"),
                *("failed", "createdAt", "startedAt", "finishedAt", "search", "filter", "size"),
                *("expiresAt", "url", "progress", "rate", "errors"),
            ),
            ADMINISTRATORS,
        )
        # As above.
        | {"estimatedEnd": set(), "failureReason": set()},
    ),
    "UserImport": (
        "node(id: $import) { ... on UserImport { FIELD } }",
        dict.fromkeys(
            (
                *("id", "format", "mode", "isDryRun", "source", "fileName", "ignoredColumns"),
                *("state", "requester", "total", "done", "created", "changed", "unchanged"),
                *("skipped", "failed", "createdAt", "startedAt", "finishedAt"),
                *("progress", "rate", "errors"),
            ),
            ADMINISTRATORS,
        )
        # As above.
        | {"estimatedEnd": set(), "failureReason": set()},
    ),
    "SkippedRow": (
        "node(id: $import) { ... on UserImport { errors(first: 1) { nodes { FIELD } } } }",
        dict.fromkeys(("line", "externalId", "code", "field", "message"), ADMINISTRATORS),
    ),
    "BulkFailure": (
        "bulkAction(id: $bulk) { failures(first: 1) { nodes { FIELD } } }",
        {"user": ADMINISTRATORS, "code": ADMINISTRATORS},
    ),
    "Webhook": (
        "node(id: $webhook) { ... on Webhook { FIELD } }",
        dict.fromkeys(
            (
                *("id", "organization", "owner", "url", "tags", "selection", "createdAt"),
                *("disabledAt", "disabledReason", "failingSince", "previousSecretExpiresAt"),
                *("isEnabled", "viewerCanUpdate", "deliveries"),
            ),
            OWN_AND_ADMINISTRATORS,
        ),
    ),
    "WebhookDelivery": (
        "node(id: $delivery) { ... on WebhookDelivery { FIELD } }",
        dict.fromkeys(
            (
                *("id", "event", "state", "attempts", "createdAt", "attemptedAt"),
                *("nextAttemptAt", "statusCode", "durationMs", "error"),
            ),
            OWN_AND_ADMINISTRATORS,
        ),
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
        dict.fromkeys(
            (
                *("date", "segment", "signUps", "completedSignUps", "verificationRate"),
                *("newUsers", "importedUsers", "erasedUsers", "totalUsers"),
                *("secondFactorUsers", "activeUsers"),
                *("logIns", "failedLogIns", "lockouts", "mailsSent", "mailsFailed"),
            ),
            STAFF_ONLY,
        ),
    ),
    "RetentionCohort": (
        'retention(from: "2026-01-01", to: "2026-01-01") { FIELD }',
        dict.fromkeys(("week", "newUsers", "activeUsers"), STAFF_ONLY),
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
            # Empty for users who are not administrators.
            "invitations": SIGNED_IN,
            "node": SIGNED_IN,
            "nodes": SIGNED_IN,
            "groups": STAFF_ONLY,
            "permissions": STAFF_ONLY,
            "organization": PRIVATE,
            "organizations": SIGNED_IN,
            "sessions": SIGNED_IN,
            "events": SIGNED_IN,
            "analytics": STAFF_ONLY,
            "retention": STAFF_ONLY,
            "bulkAction": ADMINISTRATORS,
            # Empty for users who are and were not administrators.
            "bulkActions": SIGNED_IN,
            "job": ADMINISTRATORS,
            "jobs": SIGNED_IN,
            "webhook": OWN_AND_ADMINISTRATORS,
            # Empty for users who manage no organisation.
            "webhooks": SIGNED_IN,
        },
    ),
}
