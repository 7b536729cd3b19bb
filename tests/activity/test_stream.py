"""The audit trail is streamed in order, and at least once."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.database.ids import new_id
from core.database.roles.owner import as_owner
from core.security.actor import Actor
from tests.support.receivers import Receiver, receiving
from tests.support.syslog import syslog_server
from users.activity.models import AuditStream, EventSeal
from users.activity.services import stream
from users.activity.services.record import record
from users.activity.services.sealing import seal_all
from users.activity.services.stream import stream_delay, stream_events
from users.activity.tags import Tag

pytestmark = pytest.mark.usefixtures("transactional_db")

SUBJECT = new_id()
CLIENT = Actor(ip="192.0.2.1", user_agent="Firefox")


def record_sealed(*tags: Tag, **data: Any) -> None:
    for tag in tags:
        record(tag, actor=CLIENT, subject_id=SUBJECT, **data)
    seal_all()


def lines_of(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def sequences(lines: list[dict[str, Any]]) -> list[int]:
    return [line["event"]["sequence"] for line in lines]


@pytest.fixture
def collector(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.AUDIT_STREAM_URL = receiver.url()
        settings.AUDIT_STREAM_TOKEN = "collector-token"
        yield receiver


def test_a_file_gets_each_event_once_and_no_cut_line(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    settings.AUDIT_STREAM_URL = file.as_uri()
    record_sealed(Tag.LOGGED_IN, Tag.LOG_IN_REFUSED, method="password")

    stream_events()
    stream_events()

    first, second = lines_of(file.read_bytes())
    seal = EventSeal.objects.get(sequence=1)
    assert first == {
        "@timestamp": first["@timestamp"],
        "ecs": {"version": "8.17.0"},
        "event": {
            "action": "session:user:log_in",
            "category": ["authentication"],
            "dataset": "roster.audit",
            "hash": bytes(seal.hash).hex(),
            "id": str(seal.event_id),
            "kind": "event",
            "outcome": "success",
            "sequence": 1,
            "type": ["info"],
        },
        "service": {"type": "roster"},
        "user": {"target": {"id": str(SUBJECT)}},
        "roster": {"data": {"method": "password"}},
    }
    assert second["event"]["outcome"] == "failure"
    # A worker that was killed within a line, before it moved the cursor.
    file.write_bytes(file.read_bytes() + b'{"cut')
    record_sealed(Tag.LOGGED_OUT)
    stream_events()
    *_before, cut, last = file.read_bytes().splitlines()
    assert (cut, json.loads(last)["event"]["sequence"]) == (b'{"cut', 3)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("tag", "category", "outcome", "class_uid"),
    [
        (Tag.LOG_IN_THROTTLED, "authentication", "failure", 3_002),
        (Tag.REFRESH_TOKEN_REUSED, "authentication", "failure", 3_002),
        (Tag.REAUTHENTICATED, "authentication", "success", 3_002),
        (Tag.FACTOR_USED, "authentication", "success", 3_002),
        (Tag.FACTOR_REFUSED, "authentication", "failure", 3_002),
        (Tag.RECOVERY_CODE_USED, "authentication", "success", 3_002),
        (Tag.FACTOR_ADDED, "iam", "success", 3_004),
        (Tag.PASSWORD_REFUSED, "iam", "failure", 3_004),
        (Tag.EMAIL_UNDELIVERABLE, "iam", "success", 3_001),
    ],
)
def test_failures_and_authentications_are_said(
    settings: Any, tmp_path: Path, tag: Tag, category: str, outcome: str, class_uid: int
) -> None:
    record_sealed(tag)
    lines = {}
    for format_ in ("ecs", "ocsf"):
        settings.AUDIT_STREAM_FORMAT = format_
        settings.AUDIT_STREAM_URL = (tmp_path / format_).as_uri()
        AuditStream.objects.update(sequence=0)
        stream_events()
        (lines[format_],) = lines_of((tmp_path / format_).read_bytes())
    event = lines["ecs"]["event"]
    assert (event["category"], event["outcome"]) == ([category], outcome)
    status = 2 if outcome == "failure" else 1
    assert (lines["ocsf"]["class_uid"], lines["ocsf"]["status_id"]) == (class_uid, status)


def test_details_are_streamed_by_choice(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_STREAM_URL = (tmp_path / "audit.log").as_uri()
    settings.AUDIT_STREAM_DETAILS = True
    record_sealed(Tag.LOGGED_IN)
    stream_events()

    (line,) = lines_of((tmp_path / "audit.log").read_bytes())
    assert line["source"] == {"ip": "192.0.2.1"}
    assert line["user_agent"] == {"original": "Firefox"}


def test_syslog_gets_messages_in_order(settings: Any) -> None:
    settings.AUDIT_STREAM_FORMAT = "ocsf"
    record_sealed(Tag.LOGGED_IN, Tag.PROFILE_CHANGED, Tag.WEBHOOK_CREATED, amount=10**20)
    with syslog_server() as server:
        settings.AUDIT_STREAM_URL = f"syslog+tcp://127.0.0.1:{server.port}"
        stream_events()

    assert all(message.startswith("<110>1 20") for message in server.messages)
    lines = server.lines
    assert [line["metadata"]["sequence"] for line in lines] == [1, 2, 3]
    assert [line["type_uid"] for line in lines] == [300_201, 300_199, 300_499]
    assert lines[0]["user"] == {"uid": str(SUBJECT)}
    assert lines[0]["unmapped"]["data"] == {"amount": 10**20}


def test_a_collector_that_refuses_gets_the_events_again(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stream, "BATCH", 2)
    record_sealed(*[Tag.LOGGED_IN] * 5)
    collector.answer = lambda _received: (503 if len(collector.requests) == 2 else 200, {})
    stream_events()
    assert stream_delay() > 0
    stream_events()
    assert stream_delay() == 0

    received = [sequences(lines_of(request.body)) for request in collector.requests]
    assert received == [[1, 2], [3, 4], [3, 4], [5]]
    assert collector.requests[0].headers["authorization"] == "Bearer collector-token"
    (warning,) = [each for each in caplog.records if each.name == stream.logger.name]
    assert warning.error == "status 503"  # type: ignore[attr-defined]
    assert "collector-token" not in caplog.text


def test_a_target_that_is_down_costs_a_warning(settings: Any, collector: Receiver) -> None:
    record_sealed(Tag.LOGGED_IN)
    for url in ("http://127.0.0.1:1/", "syslog+tcp://127.0.0.1:1", "file:///nowhere/audit.log"):
        settings.AUDIT_STREAM_URL = url
        stream_events()
    assert AuditStream.objects.get().sequence == 0
    settings.AUDIT_STREAM_URL = collector.url()
    stream_events()
    assert len(collector.requests) == 1


def test_the_age_of_what_waits_is_a_metric(settings: Any, client: Client) -> None:
    def age() -> float:
        lines = client.get("/metrics").content.decode().splitlines()
        (line,) = (each for each in lines if each.startswith("audit_stream_oldest"))
        return float(line.split()[-1])

    record_sealed(Tag.LOGGED_IN)
    hour_ago = timezone.now() - dt.timedelta(hours=1)
    with as_owner():
        EventSeal.objects.update(sealed_at=hour_ago)
    assert age() == 0
    with receiving() as receiver:
        settings.AUDIT_STREAM_URL = receiver.url()
        assert age() >= 3_600
        stream_events()
        assert age() == 0


def test_one_worker_streams_at_a_time(collector: Receiver) -> None:
    record_sealed(Tag.LOGGED_IN)
    stream_events()
    record_sealed(Tag.LOGGED_IN)
    AuditStream.objects.update(claimed_until=timezone.now() + stream.LEASE)
    stream_events()
    assert len(collector.requests) == 1
    # The worker was killed.
    AuditStream.objects.update(claimed_until=timezone.now())
    stream_events()
    assert len(collector.requests) == 2


def test_without_a_target_nothing_is_stored(settings: Any) -> None:
    settings.AUDIT_STREAM_URL = ""
    record_sealed(Tag.LOGGED_IN)
    stream_events()
    assert not AuditStream.objects.exists()
