"""Invitations to create an account: visible to administrators."""

from typing import Final

from tests.schema.answers.cases import Case, sign_in_first

INVITATION: Final = Case(
    "an invitation",
    """{ node(id: $pending) { ... on Invitation {
         __typename id email name locale expiresAt
       } } }""",
    {
        "anonymous alice dora bob charlie sam": {"node": None},
        "root": {
            "node": {
                "__typename": "Invitation",
                "id": "$pending",
                "email": "nina@example.org",
                "name": "Nina",
                "locale": "de",
                "expiresAt": "2100-01-01T00:00:00+00:00",
            }
        },
    },
)

ALL: Final = Case(
    "invitations",
    "{ invitations(first: 9) { nodes { id } totalCount { value isExact } } }",
    {
        "anonymous": sign_in_first("invitations"),
        "alice dora bob charlie sam": {
            "invitations": {"nodes": [], "totalCount": {"value": 0, "isExact": True}}
        },
        "root": {
            "invitations": {
                "nodes": [{"id": "$pending"}],
                "totalCount": {"value": 1, "isExact": True},
            }
        },
    },
)

CASES: Final = [INVITATION, ALL]
