"""The viewer and lists of users: hidden users are absent and not counted."""

from typing import Final

from tests.schema.answers.cases import Case, sign_in_first

ME: Final = Case(
    "the viewer",
    "{ me { id username email isStaff isSuperuser activeSessionCount } }",
    {
        "anonymous": {"me": None},
        "alice": {
            "me": {
                "id": "$alice",
                "username": "alice",
                "email": "alice@example.org",
                "isStaff": False,
                "isSuperuser": False,
                "activeSessionCount": 2,
            }
        },
        "dora": {
            "me": {
                "id": "$dora",
                "username": "dora",
                "email": "dora@example.org",
                "isStaff": False,
                "isSuperuser": False,
                "activeSessionCount": 1,
            }
        },
        "bob": {
            "me": {
                "id": "$bob",
                "username": "bob",
                "email": "bob@example.org",
                "isStaff": False,
                "isSuperuser": False,
                "activeSessionCount": 1,
            }
        },
        "charlie": {
            "me": {
                "id": "$charlie",
                "username": "charlie",
                "email": "charlie@example.org",
                "isStaff": False,
                "isSuperuser": False,
                "activeSessionCount": 1,
            }
        },
        "sam": {
            "me": {
                "id": "$sam",
                "username": "sam",
                "email": "sam@example.org",
                "isStaff": True,
                "isSuperuser": False,
                "activeSessionCount": 1,
            }
        },
        "root": {
            "me": {
                "id": "$root",
                "username": "root",
                "email": "root@example.org",
                "isStaff": True,
                "isSuperuser": True,
                "activeSessionCount": 1,
            }
        },
    },
)

DIRECTORY: Final = Case(
    "the directory",
    """{ users(first: 10) {
         nodes { username email } totalCount { value isExact } pageInfo { hasNextPage }
       } }""",
    {
        "anonymous": sign_in_first("users"),
        "alice": {
            "users": {
                "nodes": [
                    {"username": "alice", "email": "alice@example.org"},
                    {"username": "pat", "email": None},
                ],
                "totalCount": {"value": 2, "isExact": True},
                "pageInfo": {"hasNextPage": False},
            }
        },
        "dora": {
            "users": {
                "nodes": [
                    {"username": "dora", "email": "dora@example.org"},
                    {"username": "pat", "email": None},
                ],
                "totalCount": {"value": 2, "isExact": True},
                "pageInfo": {"hasNextPage": False},
            }
        },
        "bob": {
            "users": {
                "nodes": [
                    {"username": "bob", "email": "bob@example.org"},
                    {"username": "pat", "email": None},
                ],
                "totalCount": {"value": 2, "isExact": True},
                "pageInfo": {"hasNextPage": False},
            }
        },
        "charlie": {
            "users": {
                "nodes": [
                    {"username": "charlie", "email": "charlie@example.org"},
                    {"username": "pat", "email": None},
                ],
                "totalCount": {"value": 2, "isExact": True},
                "pageInfo": {"hasNextPage": False},
            }
        },
        "sam root": {
            "users": {
                "nodes": [
                    {"username": "alice", "email": "alice@example.org"},
                    {"username": "bob", "email": "bob@example.org"},
                    {"username": "charlie", "email": "charlie@example.org"},
                    {"username": "dora", "email": "dora@example.org"},
                    {"username": "pat", "email": "pat@example.org"},
                    {"username": "root", "email": "root@example.org"},
                    {"username": "sam", "email": "sam@example.org"},
                    {"username": "sue", "email": "sue@example.org"},
                ],
                "totalCount": {"value": 8, "isExact": True},
                "pageInfo": {"hasNextPage": False},
            }
        },
    },
)

CASES: Final = [ME, DIRECTORY]
