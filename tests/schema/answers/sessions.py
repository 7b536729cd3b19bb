"""Sessions: visible to the user and staff, unless ended."""

from typing import Final

from tests.schema.answers.cases import Case, sign_in_first

SESSION: Final = Case(
    "a session",
    """{ node(id: $laptop) { ... on Session {
         __typename id userAgent device browser operatingSystem ip createdAt lastSeenAt expiresAt
         isCurrent isImpersonated methods aal authenticatedAt factorAt user { id email }
       } } }""",
    {
        "anonymous dora bob charlie": {"node": None},
        "alice sam root": {
            "node": {
                "__typename": "Session",
                "id": "$laptop",
                "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) "
                "Gecko/20100101 Firefox/140.0",
                "device": "Mac",
                "browser": "Firefox",
                "operatingSystem": "Mac OS X",
                "ip": "192.0.2.1",
                "createdAt": "2024-04-01T08:00:00+00:00",
                "lastSeenAt": "2024-04-02T08:00:00+00:00",
                "expiresAt": "2100-01-01T00:00:00+00:00",
                "isCurrent": False,
                "isImpersonated": False,
                "methods": ["pwd", "otp", "mfa"],
                "aal": 2,
                "authenticatedAt": "2024-04-01T08:00:00+00:00",
                "factorAt": "2024-04-01T08:00:00+00:00",
                "user": {"id": "$alice", "email": "alice@example.org"},
            }
        },
    },
)

IMPERSONATED: Final = Case(
    "an impersonation, without data of the user",
    """{ node(id: $acting) { ... on Session {
         __typename id isImpersonated isCurrent userAgent device ip methods aal factorAt
         user { id email }
       } } }""",
    {
        "anonymous alice dora bob charlie": {"node": None},
        "sam root": {
            "node": {
                "__typename": "Session",
                "id": "$acting",
                "isImpersonated": True,
                "isCurrent": False,
                "userAgent": "",
                "device": None,
                "ip": None,
                "methods": [],
                "aal": 1,
                "factorAt": None,
                "user": {"id": "$pat", "email": "pat@example.org"},
            }
        },
    },
)

ENDED: Final = Case(
    "an expired session",
    "{ node(id: $ended) { ... on Session { id } } }",
    {"anonymous alice dora bob charlie sam root": {"node": None}},
)

SESSIONS: Final = Case(
    "the sessions of a user",
    """{ sessions(first: 10, user: $alice) {
         nodes { id userAgent device ip createdAt lastSeenAt isCurrent } totalCount { value }
       } }""",
    {
        "anonymous": sign_in_first("sessions"),
        "dora bob charlie": {"sessions": {"nodes": [], "totalCount": {"value": 0}}},
        "alice": {
            "sessions": {
                "nodes": [
                    {
                        "id": "$alice.session",
                        "userAgent": "",
                        "device": None,
                        "ip": None,
                        "createdAt": "$now",
                        "lastSeenAt": "$now",
                        "isCurrent": True,
                    },
                    {
                        "id": "$laptop",
                        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) "
                        "Gecko/20100101 Firefox/140.0",
                        "device": "Mac",
                        "ip": "192.0.2.1",
                        "createdAt": "2024-04-01T08:00:00+00:00",
                        "lastSeenAt": "2024-04-02T08:00:00+00:00",
                        "isCurrent": False,
                    },
                ],
                "totalCount": {"value": 2},
            }
        },
        "sam root": {
            "sessions": {
                "nodes": [
                    {
                        "id": "$alice.session",
                        "userAgent": "",
                        "device": None,
                        "ip": None,
                        "createdAt": "$now",
                        "lastSeenAt": "$now",
                        "isCurrent": False,
                    },
                    {
                        "id": "$laptop",
                        "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) "
                        "Gecko/20100101 Firefox/140.0",
                        "device": "Mac",
                        "ip": "192.0.2.1",
                        "createdAt": "2024-04-01T08:00:00+00:00",
                        "lastSeenAt": "2024-04-02T08:00:00+00:00",
                        "isCurrent": False,
                    },
                ],
                "totalCount": {"value": 2},
            }
        },
    },
)

OWN: Final = Case(
    "the viewer's sessions",
    "{ sessions(first: 1) { nodes { id isCurrent user { id } } totalCount { value } } }",
    {
        "anonymous": sign_in_first("sessions"),
        "alice": {
            "sessions": {
                "nodes": [{"id": "$alice.session", "isCurrent": True, "user": {"id": "$alice"}}],
                "totalCount": {"value": 2},
            }
        },
        "dora": {
            "sessions": {
                "nodes": [{"id": "$dora.session", "isCurrent": True, "user": {"id": "$dora"}}],
                "totalCount": {"value": 1},
            }
        },
        "bob": {
            "sessions": {
                "nodes": [{"id": "$bob.session", "isCurrent": True, "user": {"id": "$bob"}}],
                "totalCount": {"value": 1},
            }
        },
        "charlie": {
            "sessions": {
                "nodes": [
                    {"id": "$charlie.session", "isCurrent": True, "user": {"id": "$charlie"}}
                ],
                "totalCount": {"value": 1},
            }
        },
        "sam": {
            "sessions": {
                "nodes": [{"id": "$sam.session", "isCurrent": True, "user": {"id": "$sam"}}],
                "totalCount": {"value": 1},
            }
        },
        "root": {
            "sessions": {
                "nodes": [{"id": "$root.session", "isCurrent": True, "user": {"id": "$root"}}],
                "totalCount": {"value": 1},
            }
        },
    },
)

CASES: Final = [SESSION, IMPERSONATED, ENDED, SESSIONS, OWN]
