"""API tokens: visible to owners and administrators, unless expired; service accounts."""

from typing import Final

from tests.schema.answers.cases import Case, not_allowed, sign_in_first

TOKEN: Final = Case(
    "an API token",
    """{ node(id: $report) { ... on ApiToken {
         __typename id name scopes createdAt expiresAt lastUsedAt rotatedAt user { id username }
       } } }""",
    {
        "anonymous alice dora bob sam": {"node": None},
        "charlie root": {
            "node": {
                "__typename": "ApiToken",
                "id": "$report",
                "name": "Nightly report",
                "scopes": ["USERS_READ", "EVENTS_READ"],
                "createdAt": "2024-05-01T08:00:00+00:00",
                "expiresAt": "2100-01-01T00:00:00+00:00",
                "lastUsedAt": "2024-05-02T08:00:00+00:00",
                "rotatedAt": "2024-05-03T08:00:00+00:00",
                "user": {"id": "$charlie", "username": "charlie"},
            }
        },
    },
)

EXPIRED: Final = Case(
    "an expired API token",
    "{ node(id: $expired) { ... on ApiToken { id } } }",
    {"anonymous alice dora bob charlie sam root": {"node": None}},
)

OWN: Final = Case(
    "the viewer's API tokens",
    "{ me { apiTokens(first: 10) { nodes { name } totalCount { value } } } }",
    {
        "anonymous": {"me": None},
        "alice dora bob sam root": {"me": {"apiTokens": {"nodes": [], "totalCount": {"value": 0}}}},
        "charlie": {
            "me": {"apiTokens": {"nodes": [{"name": "Nightly report"}], "totalCount": {"value": 1}}}
        },
    },
)

SERVICES: Final = Case(
    "service accounts",
    "{ serviceAccounts(first: 10) { nodes { username name isService isStaff } } }",
    {
        "anonymous": sign_in_first("serviceAccounts"),
        "alice dora bob charlie": not_allowed("serviceAccounts"),
        "sam root": {
            "serviceAccounts": {
                "nodes": [
                    {"username": "robot", "name": "Robot", "isService": True, "isStaff": True}
                ]
            }
        },
    },
)

CASES: Final = [TOKEN, EXPIRED, OWN, SERVICES]
