"""Objects by their ids: parts of a user, each as visible as elsewhere."""

from typing import Any, Final

from tests.schema.answers.cases import Case
from tests.schema.answers.people import PROFILE

OF_ALICE: Final[list[dict[str, Any]]] = [
    {"__typename": "Profile", "id": "$profile", **PROFILE},
    {
        "__typename": "EmailAddress",
        "id": "$primary",
        "email": "alice@example.org",
        "verifiedAt": "2024-01-02T08:00:00+00:00",
        "undeliverableAt": None,
        "isPrimary": True,
    },
    {
        "__typename": "EmailAddress",
        "id": "$secondary",
        "email": "alice@example.net",
        "verifiedAt": "2024-01-07T08:00:00+00:00",
        "undeliverableAt": "2024-01-08T08:00:00+00:00",
        "isPrimary": False,
    },
    {
        "__typename": "Membership",
        "id": "$membership",
        "role": "OWNER",
        "createdAt": "2024-01-10T08:00:00+00:00",
        "user": {"username": "alice"},
        "organization": {"name": "Archers"},
    },
    {
        "__typename": "DataExport",
        "id": "$export",
        "requestedAt": "2024-03-02T08:00:00+00:00",
        "readyAt": "2024-03-03T08:00:00+00:00",
        "expiresAt": "2100-01-01T00:00:00+00:00",
    },
]
PROFILE_OF_ALICE, _primary, _secondary, MEMBERSHIP, EXPORT = OF_ALICE

PARTS: Final = Case(
    "a user's parts",
    f"""{{ nodes(ids: [
         $profile, $primary, $secondary, $membership, $export
       ]) {{
         __typename id
         ... on Profile {{ id {" ".join(PROFILE)} }}
         ... on EmailAddress {{ id email verifiedAt undeliverableAt isPrimary }}
         ... on Membership {{ id role createdAt user {{ username }} organization {{ name }} }}
         ... on DataExport {{ id requestedAt readyAt expiresAt }}
       }} }}""",
    {
        "anonymous charlie": {"nodes": [None] * 5},
        "alice": {"nodes": OF_ALICE},
        "dora bob": {"nodes": [PROFILE_OF_ALICE | {"locale": None}, None, None, MEMBERSHIP, None]},
        "sam root": {"nodes": [*OF_ALICE[:-1], None]},
    },
)

CASES: Final = [PARTS]
