"""Limits on SQL statements per document, as staff and with an empty cache."""

from typing import Final

from strawberry.utils.str_converters import to_camel_case

from users.accounts.models import PROFILE_FIELDS

USER_FIELDS = """
    id username name dateJoined lastSeenAt isPublic isService email emailVerifiedAt isActive isStaff
    isSuperuser erasedAt
"""
EVERYTHING = f"""
    {USER_FIELDS} avatar {{ url width height }} publicMetadata privateMetadata
    profile {{ id {" ".join(map(to_camel_case, PROFILE_FIELDS))} }}
    groups {{ id name permissions }} permissions
    secondFactors secondFactorDueAt recoveryCodesLeft totp {{ confirmedAt lastUsedAt }}
    passkeys(first: 2) {{ nodes {{ id name aaguid isSyncable isBackedUp createdAt lastUsedAt }} }}
    activeSessionCount emailAddresses {{ id email verifiedAt undeliverableAt isPrimary }}
    suspension {{ reason until createdAt }} deletion {{ requestedAt dueAt }}
    dataExports {{ id requestedAt readyAt expiresAt }} externalIds {{ source value }}
    apiTokens(first: 2) {{ nodes {{ name }} }}
    viewerCanUpdate viewerCanAdminister
    sessions(first: 2) {{ nodes {{ device }} }} events(first: 2) {{ nodes {{ tag }} }}
    memberships(first: 5) {{ nodes {{
      id role createdAt user {{ id }}
      organization {{ id name createdAt members(first: 2) {{ nodes {{ role }} }} }}
    }} }}
"""
API_TOKEN = """
    id name scopes createdAt expiresAt lastUsedAt rotatedAt user { id username }
"""
BULK_ACTION = """
    id action state total done unchanged failed createdAt startedAt finishedAt search filter
    arguments requester { id username }
    failures(first: 2) { nodes { code user { id username } } }
    errors(first: 2) { nodes { code } } progress rate estimatedEnd failureReason
"""
USER_EXPORT = """
    id fields format state total done unchanged failed createdAt startedAt finishedAt search filter
    size expiresAt url progress rate estimatedEnd failureReason requester { id username }
    errors(first: 2) { __typename }
"""
USER_IMPORT = """
    id importFormat: format mode isDryRun source fileName ignoredColumns state total done created
    changed unchanged skipped failed createdAt startedAt finishedAt progress rate estimatedEnd
    failureReason requester { id username }
    errors(first: 2) { nodes { line externalId code field message } }
"""
WEBHOOK = """
    id url tags selection isEnabled disabledAt disabledReason failingSince createdAt
    previousSecretExpiresAt viewerCanUpdate organization { id name } owner { id username }
    deliveries(first: 2) { nodes {
      id state attempts statusCode durationMs error createdAt attemptedAt nextAttemptAt
      event { id tag }
    } }
"""
INVITATION = "id email role createdAt expiresAt inviter { id username }"
ORGANIZATION = f"""
    id name createdAt myRole viewerCanUpdate viewerCanManage viewerCanDelete
    invitations {{ {INVITATION} }} members(first: 2) {{ nodes {{ role }} }}
    events(first: 2) {{ nodes {{ tag }} }}
    viewerCanCreateWebhooks webhooks(first: 2) {{ nodes {{ url }} }}
"""
SESSION = """
    id methods aal authenticatedAt factorAt
    device browser operatingSystem userAgent ip createdAt lastSeenAt expiresAt isCurrent
    isImpersonated user { id username }
"""
EVENT = """
    id tag createdAt data ip userAgent personal actor { id username } subject { id username }
"""

# Shapes of selections. One statement is for the actor; the others are for:
SHAPES: Final = [
    ("the user", "{ me { id } }", 2),
    ("the user's own columns", f"{{ me {{ {USER_FIELDS} }} }}", 2),
    ("the user with the profile", "{ me { profile { bio locale } } }", 2),
    ("the user with metadata", "{ me { publicMetadata privateMetadata } }", 2),
    ("the user with the avatar", "{ me { avatar(size: LARGE) { url } } }", 2),
    ("the user, groups", "{ me { groups { name } } }", 3),
    ("the user, groups, their permissions", "{ me { groups { permissions } } }", 4),
    ("the user with the suspension", "{ me { suspension { reason } } }", 2),
    ("the user, permissions", "{ me { permissions } }", 3),
    (
        "the user, addresses",
        "{ me { emailAddresses { email verifiedAt undeliverableAt isPrimary } } }",
        3,
    ),
    (
        "the user, API tokens",
        f"{{ me {{ apiTokens(first: 9) {{ nodes {{ {API_TOKEN} }} }} }} }}",
        3,
    ),
    ("the user, sessions", "{ me { activeSessionCount } }", 3),
    ("the user, listed sessions", "{ me { sessions(first: 9) { nodes { ip isCurrent } } } }", 3),
    ("the user, events", "{ me { events(first: 9) { nodes { tag ip actor { username } } } } }", 3),
    (
        "users, sessions listed",
        "{ users(first: $n) { nodes { sessions(first: 9) { nodes { ip } } } } }",
        3,
    ),
    ("users, events", "{ users(first: $n) { nodes { events(last: 9) { nodes { tag } } } } }", 3),
    ("the user, their factors", "{ me { secondFactors secondFactorDueAt } }", 2),
    ("the user with the authenticator app", "{ me { totp { lastUsedAt } } }", 3),
    ("the user, recovery codes", "{ me { recoveryCodesLeft } }", 3),
    ("the user, passkeys", "{ me { passkeys(first: 9) { nodes { name } } } }", 3),
    ("users, recovery codes", "{ users(first: $n) { nodes { recoveryCodesLeft } } }", 3),
    (
        "the user, memberships with organisations",
        "{ me { memberships(first: 9) { edges { node { organization { id } } } } } }",
        3,
    ),
    (
        "the same and groups, their permissions, permissions, sessions, addresses, members",
        f"{{ me {{ {EVERYTHING} }} }}",
        17,
    ),
    ("a user and all of the above", f"{{ user(id: $user) {{ {EVERYTHING} }} }}", 17),
    ("a user by an id that does not exist", '{ user(id: "x") { id } }', 2),
    ("a user by username", '{ userBy(by: {username: "sam"}) { username profile { bio } } }', 2),
    ("a user by address", '{ userBy(by: {email: "sam@example.org"}) { username } }', 2),
    ("a user by node", f"{{ node(id: $user) {{ ... on User {{ {EVERYTHING} }} }} }}", 17),
    ("an organisation by node", "{ node(id: $organization) { ... on Organization { name } } }", 2),
    ("users by nodes", "{ nodes(ids: [$user, $user]) { ... on User { username } } }", 2),
    (
        "a user, a group and an organisation by nodes",
        """{ nodes(ids: [$user, $group, $organization, "x"]) {
             id ... on User { groups { name } profile { bio } } ... on Group { permissions }
             ... on Organization { members(first: 2) { nodes { role } } }
           } }""",
        7,
    ),
    ("nothing, for nodes of nothing", '{ nodes(ids: ["x"]) { id } }', 1),
    ("nothing, for a node of nothing", '{ node(id: "x") { id } }', 1),
    ("an organisation, one's role", "{ organization(id: $organization) { name myRole } }", 2),
    (
        "an organisation, members, events, webhooks, invitations with inviters",
        f"{{ organization(id: $organization) {{ {ORGANIZATION} }} }}",
        7,
    ),
    (
        "organisations and everything",
        f"{{ organizations(first: $n) {{ edges {{ node {{ {ORGANIZATION} }} }} }} }}",
        7,
    ),
    (
        "organisations, events with actors",
        """{ organizations(first: $n) { nodes {
             events(first: 9) { nodes { tag ip actor { username } } }
           } } }""",
        3,
    ),
    (
        "an organisation, members with users and profiles, groups",
        """{ organization(id: $organization) {
             members(first: $n) { nodes { role user { id profile { bio } groups { name } } } }
           } }""",
        4,
    ),
    (
        "an organisation, members with users, permissions",
        """{ organization(id: $organization) {
             members(last: $n) { edges { cursor node { user { permissions } } } }
           } }""",
        4,
    ),
    (
        "users, one's rights",
        "{ users(first: $n) { nodes { viewerCanUpdate viewerCanAdminister } } }",
        2,
    ),
    (
        "organisations, one's rights",
        """{ organizations(first: $n) { nodes {
             viewerCanUpdate viewerCanManage viewerCanDelete
           } } }""",
        3,
    ),
    ("nothing, for the settings", "{ settings { serviceName limits { maxDepth } } }", 1),
    ("nothing, for the rate limit", "{ rateLimit { limit remaining resetAt cost } }", 1),
    ("users, cursors", "{ users(first: $n) { edges { cursor } pageInfo { endCursor } } }", 2),
    ("users, page info only", "{ users(first: $n) { pageInfo { hasNextPage } } }", 2),
    ("users' own columns", f"{{ users(first: $n) {{ edges {{ node {{ {USER_FIELDS} }} }} }} }}", 2),
    ("users with profiles", "{ users(first: $n) { edges { node { profile { bio } } } } }", 2),
    (
        "users with avatars",
        "{ users(first: $n) { nodes { a: avatar { url } b: avatar(size: SMALL) { url } } } }",
        2,
    ),
    ("users with metadata", "{ users(first: $n) { nodes { publicMetadata } } }", 2),
    ("users, groups", "{ users(first: $n) { edges { node { groups { name } } } } }", 3),
    ("users, permissions", "{ users(first: $n) { edges { node { permissions } } } }", 3),
    ("users, addresses", "{ users(first: $n) { nodes { emailAddresses { email } } } }", 3),
    (
        "users, API tokens",
        f"""{{ users(first: $n) {{ nodes {{
             apiTokens(first: 9) {{ nodes {{ {API_TOKEN} }} }}
           }} }} }}""",
        3,
    ),
    (
        "service accounts, API tokens",
        """{ serviceAccounts(first: $n) { edges { node {
             apiTokens(first: 9) { nodes { name } }
           } } } }""",
        3,
    ),
    ("invitations", "{ invitations(first: $n) { nodes { email expiresAt } } }", 1),
    ("users, sessions", "{ users(first: $n) { edges { node { activeSessionCount } } } }", 3),
    (
        "users, memberships with organisations",
        """{ users(first: $n) { nodes {
             memberships(first: 9) { nodes { organization { name } } }
           } } }""",
        3,
    ),
    (
        "users, memberships with organisations, members with users, groups",
        """{ users(first: $n) { nodes {
             memberships(first: 9) { nodes { organization {
               members(last: 5) { nodes { user { username groups { name } } } }
             } } }
           } } }""",
        5,
    ),
    (
        "users, memberships under two aliases, counted",
        """{ users(first: $n) { nodes {
             a: memberships(first: 1) { edges { cursor } totalCount { value } }
             b: memberships(first: 2) { edges { cursor } totalCount { value } }
           } } }""",
        6,
    ),
    (
        "users and everything",
        f"{{ users(first: $n) {{ edges {{ node {{ {EVERYTHING} }} }} }} }}",
        17,
    ),
    (
        "two pages",
        "{ a: users(first: $n) { edges { cursor } } b: users(last: $n) { edges { cursor } } }",
        3,
    ),
    (
        "two pages, permissions of one",
        """{ a: users(last: $n) { pageInfo { hasNextPage } }
             b: users(first: $n) { edges { node { permissions } } } }""",
        4,
    ),
    ("groups", "{ groups(first: $n) { edges { node { id name } } } }", 2),
    (
        "groups, members with profiles",
        """{ groups(first: $n) { nodes {
             members(first: 9) { nodes { user { username profile { bio } } } }
           } } }""",
        3,
    ),
    ("groups, permissions", "{ groups(first: $n) { edges { node { permissions } } } }", 3),
    (
        "sessions with users",
        f"{{ sessions(first: $n) {{ edges {{ node {{ {SESSION} }} }} }} }}",
        2,
    ),
    ("events", "{ events(first: $n) { edges { node { id tag data } } } }", 2),
    ("events with what is personal", "{ events(first: $n) { edges { node { ip personal } } } }", 2),
    (
        "events with actors and subjects",
        f"{{ events(first: $n) {{ edges {{ node {{ {EVENT} }} }} }} }}",
        2,
    ),
    (
        "bulk actions, refusals with users",
        f"{{ bulkActions(first: $n) {{ edges {{ node {{ {BULK_ACTION} }} }} }} }}",
        4,
    ),
    (
        "a bulk action, refusals with users, groups",
        """{ bulkAction(id: $bulk) {
             failures(first: $n) { nodes { code user { id groups { name } } } }
           } }""",
        4,
    ),
    (
        "webhooks with owners, organisations, deliveries, events",
        f"{{ webhooks(first: $n) {{ edges {{ node {{ {WEBHOOK} }} }} }} }}",
        4,
    ),
    (
        "a webhook, failed deliveries",
        "{ webhook(id: $webhook) { deliveries(first: $n, state: FAILED) { nodes { error } } } }",
        3,
    ),
    # The keys of each kind, the rows of each kind, and the failures, twice for bulk actions.
    (
        "jobs of all kinds with errors",
        f"""{{ jobs(first: $n) {{ edges {{ node {{
             ... on BulkAction {{ {BULK_ACTION} }} ... on UserExport {{ {USER_EXPORT} }}
             ... on UserImport {{ {USER_IMPORT} }}
           }} }} }} }}""",
        10,
    ),
    ("nothing, for the schema", "{ __schema { queryType { name } } }", 1),
]

# The numbers for an ordinary user, where they differ. Rows with restricted visibility are not
# joined but read by a separate statement; rows for staff only take none.
ORDINARY: Final = {
    "the user, memberships with organisations": 4,
    "the same and groups, their permissions, permissions, sessions, addresses, members": 18,
    "a user and all of the above": 12,
    "a user by node": 12,
    "a user, a group and an organisation by nodes": 6,
    "an organisation, members with users and profiles, groups": 5,
    "users, memberships with organisations": 4,
    "users, memberships with organisations, members with users, groups": 6,
    "users and everything": 18,
    "the user, events": 4,
    "the user, API tokens": 4,
    "users, API tokens": 4,
    "sessions with users": 3,
    "events with actors and subjects": 4,
    "organisations, events with actors": 4,
    "an organisation, members, events, webhooks, invitations with inviters": 8,
    "organisations and everything": 8,
    "webhooks with owners, organisations, deliveries, events": 6,
}

# The exceptions from `budget`, by the labels of `tests.support.documents`.
BUDGETS: Final[dict[str, int]] = {
    "Query.users(search:) isTruncated": 3,
    "Query.settings": 1,
    # Of others than administrators, whose are counted in tests/accounts/test_invitations.py.
    "Query.invitations": 1,
    "Query.invitations totalCount": 1,
    # Of each kind the keys, and the rows of `nodes` and of `edges`.
    "Query.jobs": 10,
    "Query.jobs totalCount": 13,
    "Query.rateLimit": 1,
    "Query.retention": 3,
}
ROOTS: Final = (
    "Query.",
    "UserFilter.",
    "EventFilter.",
    "UserOrderField.",
    "OrganizationOrderField.",
)


def budget(about: str) -> int:
    """Return the limit of statements for a document of `tests.support.documents`.

    One is for the actor and one for the rows, at any page size. Nested lists take one more, and so
    does a count.
    """
    below = not about.startswith(ROOTS)
    return BUDGETS.get(about, 2 + below + about.endswith(" totalCount"))


# The queries in docs/operations.
DOCUMENTED: Final[dict[str, int]] = {
    "Me": 6,
    "Directory": 5,
    "User": 3,
    "UserBy": 2,
    "Nodes": 1,
    "Settings": 1,
    "RateLimit": 1,
    "Organization": 5,
    "OrganizationEvents": 3,
    "Analytics": 2,
    "Retention": 3,
    "SearchUsers": 4,
    "FilterUsers": 3,
    "Sessions": 2,
    "SecondFactors": 5,
    "Groups": 4,
    "Invitations": 1,
    "Events": 2,
    "BulkAction": 3,
    "BulkActions": 2,
    "Job": 2,
    "Jobs": 7,
    "Webhook": 4,
    "Webhooks": 2,
    "Organizations": 2,
    "ApiTokens": 3,
    "ServiceAccounts": 3,
}
