"""Webhooks: visible to managers of their organisation, else to administrators."""

from typing import Any, Final

from tests.schema.answers.cases import Case, sign_in_first


def webhook(organization: str | None, *, can_update: bool, data: Any) -> dict[str, Any]:
    return {
        "webhook": {
            "__typename": "Webhook",
            "id": "$hook",
            "url": "https://receiver.example/hook",
            "tags": ["MEMBER_ROLE_CHANGED", "MEMBER_LEFT"],
            "selection": "{ tag }",
            "createdAt": "2024-08-01T08:00:00+00:00",
            "isEnabled": False,
            "disabledAt": "2024-08-03T08:00:00+00:00",
            "disabledReason": "FAILING",
            "failingSince": "2024-08-02T08:00:00+00:00",
            "previousSecretExpiresAt": "2100-01-01T00:00:00+00:00",
            "viewerCanUpdate": can_update,
            "organization": {"name": organization},
            "owner": {"username": "alice"},
            "deliveries": {
                "nodes": [
                    {
                        "__typename": "WebhookDelivery",
                        "id": "$delivery",
                        "state": "PENDING",
                        "attempts": 1,
                        "createdAt": "2024-08-04T08:00:00+00:00",
                        "attemptedAt": "2024-08-05T08:00:00+00:00",
                        "nextAttemptAt": "2024-08-06T08:00:00+00:00",
                        "statusCode": 500,
                        "durationMs": 7,
                        "error": "STATUS_REFUSED",
                        "event": {"tag": "MEMBER_ROLE_CHANGED", "data": data},
                    }
                ],
                "totalCount": {"value": 1, "isExact": True},
            },
        }
    }


DATA: Final = {"new": "MEMBER", "organization": "$archers.key"}
WEBHOOK: Final = Case(
    "a webhook of an organisation, deliveries",
    """{ webhook(id: $hook) {
         __typename id url tags selection createdAt isEnabled disabledAt disabledReason
         failingSince previousSecretExpiresAt viewerCanUpdate organization { name }
         owner { username }
         deliveries(first: 9, state: PENDING) {
           nodes {
             __typename id state attempts createdAt attemptedAt nextAttemptAt statusCode durationMs
             error event { tag data }
           }
           totalCount { value isExact }
         }
       } }""",
    {
        "anonymous bob charlie sam": {"webhook": None},
        "alice": webhook("Archers", can_update=True, data=DATA),
        "dora root": webhook("Archers", can_update=False, data=DATA),
    },
)
ALL: Final = Case(
    "webhooks, newest first",
    "{ webhooks(first: 9) { nodes { id organization { id } } totalCount { value isExact } } }",
    {
        "anonymous": sign_in_first("webhooks"),
        "bob charlie sam": {"webhooks": {"nodes": [], "totalCount": {"value": 0, "isExact": True}}},
        "alice dora": {
            "webhooks": {
                "nodes": [{"id": "$hook", "organization": {"id": "$archers"}}],
                "totalCount": {"value": 1, "isExact": True},
            }
        },
        "root": {
            "webhooks": {
                "nodes": [
                    {"id": "$service.hook", "organization": None},
                    {"id": "$hook", "organization": {"id": "$archers"}},
                ],
                "totalCount": {"value": 2, "isExact": True},
            }
        },
    },
)

CASES: Final = [WEBHOOK, ALL]
