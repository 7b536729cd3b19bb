"""Bulk actions: visible to administrators and the requester; failures."""

from typing import Final

from tests.schema.answers.cases import Case, sign_in_first

BULK_ACTION: Final = Case(
    "a bulk action",
    """{ bulkAction(id: $suspended) {
         __typename id action state total done unchanged failed createdAt startedAt finishedAt
         arguments search filter requester { id username }
         failures(first: 9) {
           nodes { __typename code user { id username } } totalCount { value isExact }
         }
         errors(first: 9) { nodes { __typename code } } progress rate estimatedEnd failureReason
       } }""",
    {
        "anonymous alice dora bob charlie sam": {"bulkAction": None},
        "root": {
            "bulkAction": {
                "__typename": "BulkAction",
                "id": "$suspended",
                "action": "SUSPEND",
                "state": "COMPLETED",
                "total": 4,
                "done": 2,
                "unchanged": 1,
                "failed": 1,
                "createdAt": "2024-06-01T08:00:00+00:00",
                "startedAt": "2024-06-02T08:00:00+00:00",
                "finishedAt": "2024-06-03T08:00:00+00:00",
                "arguments": {"reason": "Spam", "until": "2100-01-01T00:00:00+00:00"},
                "search": "archer",
                "filter": {
                    "group": "$editors",
                    "joined": {"since": "2024-01-01T00:00:00+00:00"},
                    "membership": {"organization": "$archers", "role": "OWNER"},
                    "or": [{"isActive": True}],
                    "not": {"emailDomain": "example.net"},
                },
                "requester": {"id": "$root", "username": "root"},
                "failures": {
                    "nodes": [
                        {
                            "__typename": "BulkFailure",
                            "code": "LAST_ADMINISTRATOR",
                            "user": {"id": "$root", "username": "root"},
                        }
                    ],
                    "totalCount": {"value": 1, "isExact": True},
                },
                "errors": {"nodes": [{"__typename": "BulkFailure", "code": "LAST_ADMINISTRATOR"}]},
                "progress": 1.0,
                # Four in a day.
                "rate": 4 / 86_400,
                "estimatedEnd": None,
                "failureReason": "lost 10 workers",
            }
        },
    },
)

OWN: Final = Case(
    "a bulk action of a former administrator",
    """{ node(id: $moved) { ... on BulkAction {
         __typename action state search filter arguments requester { username }
         failures(first: 1) { nodes { code } }
       } } }""",
    {
        "anonymous alice dora bob charlie": {"node": None},
        "sam root": {
            "node": {
                "__typename": "BulkAction",
                "action": "ADD_TO_GROUP",
                "state": "STOPPED",
                "search": None,
                "filter": {},
                "arguments": {"groupId": "$editors"},
                "requester": {"username": "sam"},
                "failures": {"nodes": []},
            }
        },
    },
)

ALL: Final = Case(
    "bulk actions, newest first",
    "{ bulkActions(first: 9) { nodes { id } totalCount { value isExact } } }",
    {
        "anonymous": sign_in_first("bulkActions"),
        "alice dora bob charlie": {
            "bulkActions": {"nodes": [], "totalCount": {"value": 0, "isExact": True}}
        },
        "sam": {
            "bulkActions": {
                "nodes": [{"id": "$moved"}],
                "totalCount": {"value": 1, "isExact": True},
            }
        },
        "root": {
            "bulkActions": {
                "nodes": [{"id": "$moved"}, {"id": "$suspended"}],
                "totalCount": {"value": 2, "isExact": True},
            }
        },
    },
)

CASES: Final = [BULK_ACTION, OWN, ALL]
