"""Second factors: visible to the user and staff; their existence is hidden from others."""

from typing import Final

from tests.schema.answers.cases import Case

PASSKEY: Final = Case(
    "a passkey",
    """{ node(id: $key) { ... on Passkey {
         __typename id name aaguid isSyncable isBackedUp createdAt lastUsedAt
       } } }""",
    {
        "anonymous dora bob charlie": {"node": None},
        "alice sam root": {
            "node": {
                "__typename": "Passkey",
                "id": "$key",
                "name": "Key 0",
                "aaguid": "00000000-0000-0000-0000-000000000000",
                "isSyncable": False,
                "isBackedUp": False,
                "createdAt": "2024-02-05T08:00:00+00:00",
                "lastUsedAt": "2024-02-06T08:00:00+00:00",
            }
        },
    },
)

CASES: Final = [PASSKEY]
