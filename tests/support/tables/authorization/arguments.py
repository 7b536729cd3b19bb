"""The fields that need arguments, and the types that need no readers."""

from typing import Final

# Arguments of fields.
ARGUMENTS: Final = {
    "User.memberships": "(first: 1)",
    "User.apiTokens": "(first: 1)",
    "Query.serviceAccounts": "(first: 1)",
    "Query.invitations": "(first: 1)",
    "User.passkeys": "(first: 1)",
    "User.sessions": "(first: 1)",
    "User.events": "(first: 1)",
    "Organization.members": "(first: 1)",
    "Organization.events": "(first: 1)",
    "Group.members": "(first: 1)",
    "BulkAction.failures": "(first: 1)",
    "BulkAction.errors": "(first: 1)",
    "UserExport.errors": "(first: 1)",
    "UserImport.errors": "(first: 1)",
    "Query.job": "(id: $export)",
    "Query.jobs": "(first: 1)",
    "Query.bulkAction": "(id: $bulk)",
    "Query.bulkActions": "(first: 1)",
    "Organization.webhooks": "(first: 1)",
    "Webhook.deliveries": "(first: 1)",
    "Query.webhook": "(id: $webhook)",
    "Query.webhooks": "(first: 1)",
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
    "Query.retention": '(from: "2026-01-01", to: "2026-01-01")',
}
# Structural types: connections, payloads and their parts.
STRUCTURE: Final = (
    *("Connection", "Edge", "PageInfo", "TotalCount", "Payload", "InputError", "Mutation"),
    *("SecondFactorChallenge", "RemainingAccess", "NoJobErrors"),
)
