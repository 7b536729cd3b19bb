"""Jobs of all kinds, and exports and imports of users."""

from typing import Final

from tests.schema.answers.cases import Case, sign_in_first

USER_EXPORT: Final = Case(
    "an export of users",
    """{ job(id: $exported) { ... on UserExport {
         __typename id fields format state total done unchanged failed createdAt startedAt
         finishedAt search filter size expiresAt url progress rate estimatedEnd
         failureReason
         requester { id username } errors(first: 1) {
           __typename nodes { code } pageInfo { hasNextPage endCursor }
           totalCount { value isExact }
         }
       } } }""",
    {
        "anonymous alice dora bob charlie sam": {"job": None},
        "root": {
            "job": {
                "__typename": "UserExport",
                "id": "$exported",
                "fields": ["USERNAME", "EMAIL"],
                "format": "CSV",
                "state": "COMPLETED",
                "total": 4,
                "done": 4,
                "unchanged": 0,
                "failed": 0,
                "createdAt": "2024-06-01T08:00:00+00:00",
                "startedAt": "2099-12-31T00:00:00+00:00",
                "finishedAt": "2100-01-01T00:00:00+00:00",
                "search": "person",
                "filter": {"isActive": True},
                "size": 120.0,
                "expiresAt": "2100-01-08T00:00:00+00:00",
                "url": "$exported.url",
                "progress": 1.0,
                "rate": 4 / 86_400,
                "estimatedEnd": None,
                "failureReason": "lost 10 workers",
                "requester": {"id": "$root", "username": "root"},
                "errors": {
                    "__typename": "NoJobErrors",
                    "nodes": [],
                    "pageInfo": {"hasNextPage": False, "endCursor": None},
                    "totalCount": {"value": 0, "isExact": True},
                },
            }
        },
    },
)

USER_IMPORT: Final = Case(
    "an import of users",
    """{ job(id: $imported) { ... on UserImport {
         __typename id format mode isDryRun source fileName ignoredColumns state total done created
         changed unchanged skipped failed createdAt startedAt finishedAt progress rate estimatedEnd
         failureReason requester { id username }
         errors(first: 1) {
           nodes { __typename line externalId code field message } totalCount { value isExact }
         }
       } } }""",
    {
        "anonymous alice dora bob charlie sam": {"job": None},
        "root": {
            "job": {
                "__typename": "UserImport",
                "id": "$imported",
                "format": "CSV",
                "mode": "CREATE",
                "isDryRun": False,
                "source": "crm",
                "fileName": "people.csv",
                "ignoredColumns": [],
                "state": "COMPLETED",
                "total": 3,
                "done": 1,
                "created": 0,
                "changed": 1,
                "unchanged": 1,
                "skipped": 1,
                "failed": 1,
                "createdAt": "2024-06-01T08:00:00+00:00",
                "startedAt": "2099-12-31T00:00:00+00:00",
                "finishedAt": "2100-01-01T00:00:00+00:00",
                "progress": 1.0,
                "rate": 3 / 86_400,
                "estimatedEnd": None,
                "failureReason": "lost 10 workers",
                "requester": {"id": "$root", "username": "root"},
                "errors": {
                    "nodes": [
                        {
                            "__typename": "SkippedRow",
                            "line": 2,
                            "externalId": "2",
                            "code": "EMAIL_TAKEN",
                            "field": "EMAIL",
                            "message": "Another user has this address. Remove it, or change users "
                            "by the mode UPSERT.",
                        }
                    ],
                    "totalCount": {"value": 1, "isExact": True},
                },
            }
        },
    },
)

ALL: Final = Case(
    "jobs of all kinds, newest first",
    "{ jobs(first: 9) { nodes { __typename id } totalCount { value isExact } } }",
    {
        "anonymous": sign_in_first("jobs"),
        "alice dora bob charlie": {
            "jobs": {"nodes": [], "totalCount": {"value": 0, "isExact": True}}
        },
        "sam": {
            "jobs": {
                "nodes": [{"__typename": "BulkAction", "id": "$moved"}],
                "totalCount": {"value": 1, "isExact": True},
            }
        },
        "root": {
            "jobs": {
                "nodes": [
                    {"__typename": "UserImport", "id": "$imported"},
                    {"__typename": "UserExport", "id": "$exported"},
                    {"__typename": "BulkAction", "id": "$moved"},
                    {"__typename": "BulkAction", "id": "$suspended"},
                ],
                "totalCount": {"value": 4, "isExact": True},
            }
        },
    },
)

CASES: Final = [USER_EXPORT, USER_IMPORT, ALL]
