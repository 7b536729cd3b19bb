"""Events: visible to administrators, the subject and managers; personal data to the actor."""

from typing import Final

from tests.schema.answers.cases import Case, not_allowed, sign_in_first

WHOLE: Final = """{ ... on Event {
    __typename id tag createdAt data ip userAgent personal
    actor { username email } subject { username email }
} }"""

BY_ADMINISTRATOR: Final = Case(
    "an event by an administrator, who is not visible to the subject",
    f"{{ node(id: $changed) {WHOLE} }}",
    {
        "anonymous dora bob charlie sam": {"node": None},
        "alice": {
            "node": {
                "__typename": "Event",
                "id": "$changed",
                "tag": "USER_CHANGED",
                "createdAt": "$changed.at",
                "data": {"is_staff": {"old": True, "new": False}},
                "ip": None,
                "userAgent": None,
                "personal": None,
                "actor": None,
                "subject": {"username": "alice", "email": "alice@example.org"},
            }
        },
        "root": {
            "node": {
                "__typename": "Event",
                "id": "$changed",
                "tag": "USER_CHANGED",
                "createdAt": "$changed.at",
                "data": {"is_staff": {"old": True, "new": False}},
                "ip": "192.0.2.99",
                "userAgent": "Safari",
                "personal": {"reason": "Asked by mail."},
                "actor": {"username": "root", "email": "root@example.org"},
                "subject": {"username": "alice", "email": "alice@example.org"},
            }
        },
    },
)

PROMOTED: Final = {
    "__typename": "Event",
    "id": "$promoted",
    "tag": "MEMBER_ROLE_CHANGED",
    "createdAt": "$promoted.at",
    "data": {"organization": "$archers.key", "new": "MEMBER"},
}
WITH_DETAILS: Final = PROMOTED | {
    "ip": "192.0.2.1",
    "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) "
    "Gecko/20100101 Firefox/140.0",
    "personal": {"reason": "Well aimed."},
    "actor": {"username": "alice", "email": "alice@example.org"},
}
WITHOUT_DETAILS: Final = PROMOTED | {
    "ip": None,
    "userAgent": None,
    "personal": None,
    "actor": {"username": "alice", "email": None},
}
BOB: Final = {"username": "bob", "email": "bob@example.org"}
BOB_BY_NAME: Final = {"username": "bob", "email": None}

BY_FELLOW_MEMBER: Final = Case(
    "an event by a fellow member, whose address neither the subject nor other managers see",
    f"{{ node(id: $promoted) {WHOLE} }}",
    {
        "anonymous charlie sam": {"node": None},
        "alice": {"node": WITH_DETAILS | {"subject": BOB_BY_NAME}},
        "dora": {"node": WITHOUT_DETAILS | {"subject": BOB_BY_NAME}},
        "bob": {"node": WITHOUT_DETAILS | {"subject": BOB}},
        "root": {"node": WITH_DETAILS | {"subject": BOB}},
    },
)

BY_ONESELF: Final = Case(
    "an event by its subject",
    f"{{ node(id: $edited) {WHOLE} }}",
    {
        "anonymous dora bob charlie sam": {"node": None},
        "alice root": {
            "node": {
                "__typename": "Event",
                "id": "$edited",
                "tag": "PROFILE_CHANGED",
                "createdAt": "$edited.at",
                "data": {"fields": ["name"]},
                "ip": "192.0.2.1",
                "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) "
                "Gecko/20100101 Firefox/140.0",
                "personal": {"name": {"old": "Al", "new": "Alice Archer"}},
                "actor": {"username": "alice", "email": "alice@example.org"},
                "subject": {"username": "alice", "email": "alice@example.org"},
            }
        },
    },
)

BY_STRANGER: Final = Case(
    "an event by an anonymous client, whose address the subject sees",
    f"{{ node(id: $guessed) {WHOLE} }}",
    {
        "anonymous dora bob charlie sam": {"node": None},
        "alice root": {
            "node": {
                "__typename": "Event",
                "id": "$guessed",
                "tag": "LOG_IN_REFUSED",
                "createdAt": "$guessed.at",
                "data": {},
                "ip": "198.51.100.9",
                "userAgent": "curl/8.0",
                "personal": {},
                "actor": None,
                "subject": {"username": "alice", "email": "alice@example.org"},
            }
        },
    },
)

ERASED: Final = Case(
    "an event with erased personal data",
    f"{{ node(id: $erased) {WHOLE} }}",
    {
        "anonymous dora bob charlie sam": {"node": None},
        "alice root": {
            "node": {
                "__typename": "Event",
                "id": "$erased",
                "tag": "EMAIL_CHANGED",
                "createdAt": "$erased.at",
                "data": {},
                "ip": None,
                "userAgent": None,
                "personal": {},
                "actor": {"username": "alice", "email": "alice@example.org"},
                "subject": {"username": "alice", "email": "alice@example.org"},
            }
        },
    },
)

TRAIL: Final = Case(
    "the audit trail",
    "{ events(first: 10) { nodes { id tag subject { username } } totalCount { value } } }",
    {
        "anonymous": sign_in_first("events"),
        "alice": {
            "events": {
                "nodes": [
                    {"id": "$erased", "tag": "EMAIL_CHANGED", "subject": {"username": "alice"}},
                    {"id": "$changed", "tag": "USER_CHANGED", "subject": {"username": "alice"}},
                    {"id": "$edited", "tag": "PROFILE_CHANGED", "subject": {"username": "alice"}},
                    {"id": "$guessed", "tag": "LOG_IN_REFUSED", "subject": {"username": "alice"}},
                ],
                "totalCount": {"value": 4},
            }
        },
        "bob": {
            "events": {
                "nodes": [
                    {
                        "id": "$promoted",
                        "tag": "MEMBER_ROLE_CHANGED",
                        "subject": {"username": "bob"},
                    }
                ],
                "totalCount": {"value": 1},
            }
        },
        "dora charlie sam": {"events": {"nodes": [], "totalCount": {"value": 0}}},
        "root": {
            "events": {
                "nodes": [
                    {"id": "$counted", "tag": "GROUP_CHANGED", "subject": None},
                    {
                        "id": "$promoted",
                        "tag": "MEMBER_ROLE_CHANGED",
                        "subject": {"username": "bob"},
                    },
                    {"id": "$erased", "tag": "EMAIL_CHANGED", "subject": {"username": "alice"}},
                    {"id": "$changed", "tag": "USER_CHANGED", "subject": {"username": "alice"}},
                    {"id": "$edited", "tag": "PROFILE_CHANGED", "subject": {"username": "alice"}},
                    {"id": "$guessed", "tag": "LOG_IN_REFUSED", "subject": {"username": "alice"}},
                ],
                "totalCount": {"value": 6},
            }
        },
    },
)

ANALYTICS: Final = Case(
    "counts of days",
    """{ analytics(from: "2024-05-01", to: "2024-05-02") {
         __typename date segment signUps completedSignUps verificationRate
         newUsers importedUsers erasedUsers totalUsers secondFactorUsers activeUsers
         logIns failedLogIns lockouts mailsSent mailsFailed
       } }""",
    {
        "anonymous": sign_in_first("analytics"),
        "alice dora bob charlie": not_allowed("analytics"),
        "sam root": {
            "analytics": [
                {
                    "__typename": "AnalyticsDay",
                    "date": "2024-05-01",
                    "segment": "",
                    "signUps": 4,
                    "completedSignUps": 3,
                    "verificationRate": 0.75,
                    "newUsers": 6,
                    "importedUsers": 5,
                    "erasedUsers": 1,
                    "totalUsers": 10,
                    "secondFactorUsers": 2,
                    "activeUsers": 8,
                    "logIns": 9,
                    "failedLogIns": 10,
                    "lockouts": 11,
                    "mailsSent": 12,
                    "mailsFailed": 13,
                },
                {
                    "__typename": "AnalyticsDay",
                    "date": "2024-05-02",
                    "segment": "",
                    "signUps": 0,
                    "completedSignUps": 0,
                    "verificationRate": None,
                    "newUsers": 0,
                    "importedUsers": 0,
                    "erasedUsers": 0,
                    "totalUsers": 10,
                    "secondFactorUsers": 2,
                    "activeUsers": 0,
                    "logIns": 0,
                    "failedLogIns": 0,
                    "lockouts": 0,
                    "mailsSent": 0,
                    "mailsFailed": 0,
                },
            ]
        },
    },
)

RETENTION: Final = Case(
    "a cohort, a year after it",
    """{ retention(from: "2024-05-01", to: "2024-05-02") {
         __typename week newUsers activeUsers
       } }""",
    {
        "anonymous": sign_in_first("retention"),
        "alice dora bob charlie": not_allowed("retention"),
        "sam root": {
            "retention": [
                {
                    "__typename": "RetentionCohort",
                    "week": "2024-04-29",
                    "newUsers": 7,
                    "activeUsers": [5, 0, 3, *[0] * 50],
                },
            ]
        },
    },
)

CASES: Final = [
    BY_ADMINISTRATOR,
    BY_FELLOW_MEMBER,
    BY_ONESELF,
    BY_STRANGER,
    ERASED,
    TRAIL,
    ANALYTICS,
    RETENTION,
]
