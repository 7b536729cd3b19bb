"""Bounces, as a provider reports them to a running server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any, Final

import pytest
from django.utils import timezone

from tests.server.servers import Server, serving
from tests.support.factories import make_user
from tests.support.mail_providers import (
    ACCEPTED,
    COMPLAINED,
    DELIVERED,
    HARD,
    NAMES,
    OPENED,
    POLICY,
    REPORTS,
    SECRET,
    SOFT,
    credentials,
    environ_of,
    provider_api,
)
from tests.support.refusals import marks, reset, shown_addresses
from tests.support.service_processes import celery_worker, environ_of_tests
from tests.support.waiting import wait_until
from users.accounts.models import EmailAddress
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

pytestmark = pytest.mark.django_db(transaction=True)

FORMER: Final = "a-former-secret-of-the-webhook-0123"
MARKED: Final = Tag.EMAIL_UNDELIVERABLE
CLEARED: Final = Tag.EMAIL_DELIVERABLE


@dataclass(frozen=True, slots=True)
class Webhook:
    """The webhook of a running server."""

    name: str
    server: Server

    def report(self, kind: str, email: str) -> tuple[int, str]:
        return self.post(json.dumps(REPORTS[self.name][kind](email)))

    def post(self, body: str | bytes, /, **headers: str) -> tuple[int, str]:
        sent = {"Content-Type": "application/json", **(headers or credentials())}
        response = self.request("POST", self.name, body, sent)
        return response.status, response.read().decode()

    def request(
        self, method: str, name: str, body: str | bytes | None, headers: dict[str, str]
    ) -> HTTPResponse:
        connection = self.server.connect()
        connection.request(method, f"/mail/webhooks/{name}", body, headers)
        return connection.getresponse()


@pytest.fixture(scope="module", params=NAMES)
def shared_webhook(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[Webhook]:
    environ = environ_of(request.param, "http://127.0.0.1:1/", SECRET, FORMER)
    with serving(**environ_of_tests(**environ)) as server:
        yield Webhook(request.param, server)


@pytest.fixture
def webhook(shared_webhook: Webhook) -> Iterator[Webhook]:
    yield shared_webhook
    shared_webhook.server.connections.close()


ACCEPTED_REPORT: Final = (200, "")


def test_a_hard_bounce_marks_the_address_until_a_delivery(webhook: Webhook) -> None:
    alice = make_user("alice")
    assert webhook.report(HARD, alice.email.upper()) == ACCEPTED_REPORT
    assert shown_addresses(alice) == [(alice.email, True)]
    event = Event.objects.get(tag=MARKED)
    assert (event.actor_id, event.subject_id) == (None, alice.pk)
    assert event.data == {"reason": f"{webhook.name.title()}: bounced"}
    assert event.details.values == {"email": alice.email}

    # Providers repeat reports.
    assert webhook.report(HARD, alice.email) == ACCEPTED_REPORT
    assert marks() == [(MARKED, alice.pk)]

    for _time in range(2):
        assert webhook.report(DELIVERED, alice.email) == ACCEPTED_REPORT
    assert shown_addresses(alice) == [(alice.email, False)]
    assert marks() == [(MARKED, alice.pk), (CLEARED, alice.pk)]


def test_a_complaint_marks_the_address(webhook: Webhook) -> None:
    alice = make_user("alice")
    assert webhook.report(COMPLAINED, alice.email) == ACCEPTED_REPORT
    assert shown_addresses(alice) == [(alice.email, True)]


@pytest.mark.parametrize("kind", [SOFT, POLICY, OPENED])
def test_other_reports_mark_nothing(webhook: Webhook, kind: str) -> None:
    alice = make_user("alice")
    assert webhook.report(kind, alice.email) == ACCEPTED_REPORT
    assert shown_addresses(alice) == [(alice.email, False)]
    assert marks() == []


def test_a_secondary_address_is_marked_by_itself(webhook: Webhook) -> None:
    alice = make_user("alice")
    other = EmailAddress.objects.create(
        user=alice, email="alice@example.net", verified_at=timezone.now()
    )
    assert webhook.report(HARD, other.email) == ACCEPTED_REPORT
    assert shown_addresses(alice) == [(alice.email, False), (other.email, True)]


@pytest.mark.parametrize("email", ["stranger@example.org", "no address", "", "a\0b@example.org"])
def test_unknown_addresses_leave_no_trace_and_get_the_same_response(
    webhook: Webhook, email: str
) -> None:
    make_user("alice")
    events, details = Event.objects.count(), EventDetails.objects.count()
    for kind in (HARD, COMPLAINED, DELIVERED):
        assert webhook.report(kind, email) == ACCEPTED_REPORT
    assert (Event.objects.count(), EventDetails.objects.count()) == (events, details)


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "no credentials"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ==="},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer x"},
        credentials("wrong"),
        credentials(user="other"),
        credentials(""),
    ],
)
def test_without_the_secret_nothing_is_read(webhook: Webhook, headers: dict[str, str]) -> None:
    alice = make_user("alice")
    body = json.dumps(REPORTS[webhook.name][HARD](alice.email))
    status, text = webhook.post(body, **headers)
    # What an invalid bearer token gets is another's.
    assert status == 401
    assert alice.email not in text
    # A body that is too large, or no report, gets the same.
    assert webhook.post("[" * 1_000, **headers)[0] == 401
    assert shown_addresses(alice) == [(alice.email, False)]


def test_each_secret_is_accepted(webhook: Webhook) -> None:
    alice = make_user("alice")
    body = json.dumps(REPORTS[webhook.name][HARD](alice.email))
    assert webhook.post(body, **credentials(FORMER)) == ACCEPTED_REPORT
    assert shown_addresses(alice) == [(alice.email, True)]


@pytest.mark.parametrize(
    "body",
    [
        *("", "null", "7", "nonsense", '"text"', "[null]", "[" * 50_000, '{"a":' * 10_000),
        *('[{"event": []}]', '{"signature": null}', b"\xff\xfe", b"\x00"),
        '{"event": "bounce", "time": 1e400, "email": "a@example.org"}',
        '{"RecordType": "Bounce", "BouncedAt": 7, "Email": {}}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_malformed_reports_change_nothing(webhook: Webhook, body: str | bytes) -> None:
    alice = make_user("alice")
    status, text = webhook.post(body)
    assert status in {200, 400, 401}
    assert text == ""
    assert shown_addresses(alice) == [(alice.email, False)]
    assert marks() == []


def test_large_bodies_are_refused(webhook: Webhook, settings: Any) -> None:
    alice = make_user("alice")
    report = json.dumps(REPORTS[webhook.name][HARD](alice.email))
    padding = " " * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert webhook.post(report + padding) == (413, "")
    assert shown_addresses(alice) == [(alice.email, False)]


def test_only_posts_to_the_chosen_provider_are_served(webhook: Webhook) -> None:
    assert webhook.request("GET", webhook.name, None, credentials()).status == 405
    others = {*NAMES, "sendgrid", f"{webhook.name}/", ""} - {webhook.name}
    for other in others:
        assert webhook.request("POST", other, "{}", credentials()).status == 404
    # Some providers check the URL that is entered.
    assert webhook.request("HEAD", webhook.name, None, {}).status == 200


@pytest.mark.parametrize("shared_webhook", ["mailgun"], indirect=True)
def test_the_signature_of_mailgun_is_checked(webhook: Webhook) -> None:
    alice = make_user("alice")
    report = REPORTS["mailgun"][HARD](alice.email)
    report["signature"]["timestamp"] = "1529006855"
    assert webhook.post(json.dumps(report)) == (401, "")
    report["signature"]["timestamp"] = "\N{SNOWMAN}"
    assert webhook.post(json.dumps(report)) == (400, "")
    assert shown_addresses(alice) == [(alice.email, False)]


def test_there_is_no_webhook_without_a_secret(client: Any) -> None:
    for name in NAMES:
        assert client.post(f"/mail/webhooks/{name}").status_code == 404


@pytest.mark.parametrize("shared_webhook", ["postmark"], indirect=True)
def test_a_mail_is_sent_by_the_api_and_bounces(webhook: Webhook) -> None:
    alice = make_user("alice")
    with provider_api() as api:
        api.answer(200, ACCEPTED[webhook.name](alice.email))
        with celery_worker(**environ_of(webhook.name, api.url, SECRET)):
            reset(alice.email)
            assert api.next().json["To"] == alice.email
            assert shown_addresses(alice) == [(alice.email, False)]
            webhook.report(HARD, alice.email)
            wait_until(lambda: shown_addresses(alice) == [(alice.email, True)])
