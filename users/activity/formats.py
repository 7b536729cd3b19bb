"""Formats in which events are streamed, as one line of JSON each.

ECS is Elastic's Common Schema (8.17), OCSF the Open Cybersecurity Schema Framework (1.3).
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from users.activity.tags import Tag

FAILURES: Final = frozenset(
    {
        Tag.LOG_IN_REFUSED,
        Tag.LOG_IN_THROTTLED,
        Tag.REFRESH_TOKEN_REUSED,
        Tag.FACTOR_REFUSED,
        Tag.PASSWORD_REFUSED,
    }
)
# Beside those of sessions.
AUTHENTICATIONS: Final = frozenset({Tag.FACTOR_USED, Tag.FACTOR_REFUSED, Tag.RECOVERY_CODE_USED})
# OCSF's categories and classes, and the activities of `Authentication`.
IAM: Final = 3
ACCOUNT_CHANGE, AUTHENTICATION, ENTITY_MANAGEMENT = 3_001, 3_002, 3_004
LOGON, LOGOFF, OTHER = 1, 2, 99
ACTIVITIES: Final[Mapping[str, int]] = MappingProxyType(
    {"log_in": LOGON, "refuse_log_in": LOGON, "throttle_log_in": LOGON, "log_out": LOGOFF}
)
INFORMATIONAL: Final = 1
SUCCESS, FAILURE = 1, 2


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """A sealed event, with its details if they are to be streamed."""

    sequence: int
    hash: bytes | memoryview
    id: UUID
    tag: str
    created_at: dt.datetime
    actor_id: UUID | None
    subject_id: UUID | None
    organization_id: UUID | None
    session_id: UUID | None
    data: Mapping[str, Any]
    details: Mapping[str, Any] | None
    # Whether the target did not accept the data and details.
    is_truncated: bool = False

    def truncated(self) -> "StreamedEvent":
        """Return the event without what may be large; its hash stays."""
        return replace(self, data={}, details=None, is_truncated=True)

    @property
    def action(self) -> str:
        """The last part of the tag."""
        return self.tag.rpartition(":")[2]

    @property
    def is_failure(self) -> bool:
        """Whether the event is a failed attempt."""
        return self.tag in FAILURES

    @property
    def is_authentication(self) -> bool:
        """Whether the event is about a session, or the use of a second factor."""
        return self.tag.startswith("session:") or self.tag in AUTHENTICATIONS

    @property
    def is_account_change(self) -> bool:
        """Whether the event is about an account."""
        return self.tag.startswith("account:")

    def detail(self, name: str) -> Any:
        """Return a detail; None if it is not streamed, or was erased."""
        return (self.details or {}).get(name)


def as_ecs(event: StreamedEvent) -> dict[str, Any]:
    """Return the event in ECS; what has no field there is below `roster`."""
    return {
        "@timestamp": event.created_at,
        "ecs": {"version": "8.17.0"},
        "event": {
            "action": event.tag,
            "category": ["authentication" if event.is_authentication else "iam"],
            "dataset": "roster.audit",
            "hash": bytes(event.hash).hex(),
            "id": event.id,
            "kind": "event",
            "outcome": "failure" if event.is_failure else "success",
            "sequence": event.sequence,
            "type": ["info"],
        },
        "organization": {"id": event.organization_id},
        "service": {"type": "roster"},
        "source": {"ip": event.detail("ip")},
        "user": {"id": event.actor_id, "target": {"id": event.subject_id}},
        "user_agent": {"original": event.detail("user_agent")},
        "roster": {
            "data": event.data,
            "session_id": event.session_id,
            "truncated": event.is_truncated or None,
        },
    }


def as_ocsf(event: StreamedEvent) -> dict[str, Any]:
    """Return the event in OCSF; what has no field there is in `unmapped`."""
    class_uid, activity_id = ENTITY_MANAGEMENT, OTHER
    if event.is_authentication:
        class_uid, activity_id = AUTHENTICATION, ACTIVITIES.get(event.action, OTHER)
    elif event.is_account_change:
        class_uid = ACCOUNT_CHANGE
    return {
        "activity_id": activity_id,
        "activity_name": event.tag,
        "actor": {"user": {"uid": event.actor_id}, "session": {"uid": event.session_id}},
        "category_uid": IAM,
        "class_uid": class_uid,
        "http_request": {"user_agent": event.detail("user_agent")},
        "metadata": {
            "product": {"name": "Roster", "vendor_name": "Roster"},
            "sequence": event.sequence,
            "uid": event.id,
            "version": "1.3.0",
        },
        "severity_id": INFORMATIONAL,
        "src_endpoint": {"ip": event.detail("ip")},
        "status_id": FAILURE if event.is_failure else SUCCESS,
        "time": int(event.created_at.timestamp() * 1_000),
        "type_uid": class_uid * 100 + activity_id,
        "unmapped": {
            "data": event.data,
            "hash": bytes(event.hash).hex(),
            "organization": event.organization_id,
            "truncated": event.is_truncated or None,
        },
        "user": {"uid": event.subject_id},
    }


FORMATS: Final[Mapping[str, Callable[[StreamedEvent], dict[str, Any]]]] = MappingProxyType(
    {"ecs": as_ecs, "ocsf": as_ocsf}
)


def line_of(event: StreamedEvent, format_: str) -> bytes:
    """Return the event as JSON without a line break, and without values that are unknown."""
    # orjson refuses integers beyond 64 bits, which jsonb has.
    return json.dumps(
        _without_nulls(FORMATS[format_](event)),
        cls=DjangoJSONEncoder,
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def _without_nulls(value: Any) -> Any:
    """Return the objects without null and without objects that are empty then."""
    if not isinstance(value, dict):
        return value
    kept = {name: _without_nulls(each) for name, each in value.items()}
    return {name: each for name, each in kept.items() if each is not None and each != {}}
