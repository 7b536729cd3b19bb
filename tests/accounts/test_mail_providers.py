"""Mails that are sent by a provider's API: accepted, refused, or not now."""

import logging
import re
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from core.dev.ports import free_port
from core.email.smtp_replies import MailDelayedError, MailRefusedError
from core.email.words import UNVERIFIED_READER
from core.outbox.current import delivering
from core.outbox.models import OutboxMessage
from tests.support.logs import written_lines
from tests.support.mail_providers import (
    ACCEPTED,
    KEY,
    NAMES,
    SECRET,
    Api,
    Request,
    provider_api,
    use_provider,
)
from tests.support.refusals import marks, shown_addresses
from users.accounts import mail_delivery
from users.accounts.mails import verify_email
from users.accounts.models import User
from users.accounts.services.deliverability import mark_undeliverable
from users.activity.models import PendingCount
from users.activity.tags import Tag

URL = "https://roster.example/verify-email#token=secret"
TEXT = verify_email(UNVERIFIED_READER, url=URL)
UNTRACKED: dict[str, dict[str, object]] = {
    "brevo": {},
    "mailgun": {"o:tracking-clicks": "no", "o:tracking-opens": "no"},
    "mailjet": {"TrackClicks": "disabled", "TrackOpens": "disabled"},
    "postmark": {"TrackLinks": "None", "TrackOpens": False},
}


@pytest.fixture
def api() -> Iterator[Api]:
    with provider_api() as api:
        yield api


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest, settings: Any, api: Api) -> str:
    """Use each of the providers."""
    settings.DEFAULT_FROM_EMAIL = "Röster <no-reply@mail.example>"
    use_provider(settings, request.param, api.url)
    return str(request.param)


def send(to: str) -> None:
    mail_delivery.send_mail(TEXT, to=to)


def headers_of(name: str, request: Request) -> dict[str, str]:
    """Return the headers of the mail that the API was asked to send."""
    if name == "mailgun":
        fields = request.form
        return {key.removeprefix("h:"): fields[key] for key in fields if key.startswith("h:")}
    if name == "postmark":
        return {header["Name"]: header["Value"] for header in request.json["Headers"]}
    fields = request.json["Globals"]["Headers"] if name == "mailjet" else request.json["headers"]
    return dict(fields)


@pytest.mark.django_db
def test_mail_is_sent(name: str, api: Api, alice: User) -> None:
    api.answer(200, ACCEPTED[name](alice.email))
    message = OutboxMessage.objects.create(
        subscriber="x", payload={}, dispatch_at="2026-01-01T00:00Z"
    )
    requests = []
    for _attempt in range(2):
        with delivering(message):
            send(alice.email)
        requests.append(api.next())
    assert api.requests.empty()

    (first, second) = (headers_of(name, request) for request in requests)
    assert first == second
    assert first["Auto-Submitted"] == "auto-generated"
    if name in {"mailgun", "postmark"}:
        message_id = first.get("Message-ID") or first["Message-Id"]
        assert re.fullmatch(r"<[0-9a-f]{32}@mail\.example>", message_id)
    else:
        assert "message-id" not in map(str.lower, first)
    body: Any = requests[0].form if name == "mailgun" else requests[0].json
    assert alice.email in str(body)
    assert str(body).count("#token=secret") >= 2, "in the text and in the HTML"
    # A provider that tracked the link would store its token.
    fields = body["Globals"] if name == "mailjet" else body
    assert {key: fields[key] for key in UNTRACKED[name]} == UNTRACKED[name]


REFUSED, ADDRESS, DELAYED = "refused", "address", "delayed"
QUOTING = f"alice@example.org {KEY} {URL}"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, REFUSED),
        (413, REFUSED),
        (401, DELAYED),
        (402, DELAYED),
        (403, DELAYED),
        (404, DELAYED),
        (408, DELAYED),
        (429, DELAYED),
        (500, DELAYED),
        (502, DELAYED),
        (503, DELAYED),
        (302, DELAYED),
    ],
)
def test_status_decides(
    name: str,
    api: Api,
    alice: User,
    caplog: pytest.LogCaptureFixture,
    status: int,
    expected: str,
) -> None:
    api.answer(status, {"message": QUOTING, "ErrorMessage": QUOTING}, Location="/elsewhere")
    assert outcome(alice, caplog) == expected
    assert api.requests.qsize() == 1
    assert shown_addresses(alice) == [(alice.email, False)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name_of", "status", "body", "expected"),
    [
        ("postmark", 422, {"ErrorCode": 300, "Message": "Invalid 'From' address: 'x'."}, REFUSED),
        ("postmark", 422, {"ErrorCode": 300, "Message": "Invalid 'To' address: '{}'."}, ADDRESS),
        (
            "postmark",
            422,
            {
                "ErrorCode": 406,
                "Message": "You tried to send to a recipient that has been marked as inactive.\n"
                "Found inactive addresses: {}.\nInactive recipients are ones that have generated "
                "a hard bounce or a spam complaint.",
            },
            ADDRESS,
        ),
        (
            "mailjet",
            400,
            {"Messages": [{"Status": "error", "Errors": [{"ErrorCode": "mj-0013"}]}]},
            REFUSED,
        ),
        (
            "mailjet",
            401,
            {"Messages": [{"Status": "error", "Errors": [{"ErrorCode": "mj-0002"}]}]},
            DELAYED,
        ),
        ("mailgun", 200, "Mailgun Magnificent API", DELAYED),
        ("mailgun", 200, {"id": "x", "message": "What?"}, DELAYED),
        ("mailgun", 200, {"id": "", "message": "Queued. Thank you."}, DELAYED),
        ("mailgun", 200, {"id": "x", "message": None}, DELAYED),
        ("brevo", 201, "no JSON", DELAYED),
        ("brevo", 201, "", DELAYED),
        ("brevo", 201, {"messageId": None}, DELAYED),
        ("brevo", 201, {"messageIds": []}, DELAYED),
        ("mailjet", 200, "null", DELAYED),
        ("mailjet", 200, {"Messages": []}, DELAYED),
        (
            "mailjet",
            200,
            {
                "Messages": [
                    {"Status": "success", "To": [{"Email": "alice@example.org", "MessageID": None}]}
                ]
            },
            DELAYED,
        ),
        ("postmark", 200, [], DELAYED),
        ("postmark", 200, ["x"], DELAYED),
        ("postmark", 200, {"ErrorCode": 0, "Message": "OK", "MessageID": ""}, DELAYED),
        ("postmark", 200, {"PercentageCompleted": 100}, DELAYED),
    ],
)
def test_reply_in_the_providers_words(
    api: Api,
    alice: User,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    name_of: str,
    status: int,
    body: Any,
    expected: str,
) -> None:
    use_provider(settings, name_of, api.url)
    if isinstance(body, dict) and "Message" in body:
        body = body | {"Message": body["Message"].replace("{}", alice.email)}
    api.answer(status, body)
    assert outcome(alice, caplog) == expected
    assert shown_addresses(alice) == [(alice.email, expected == ADDRESS)]
    assert marks() == ([(Tag.EMAIL_UNDELIVERABLE, alice.pk)] if expected == ADDRESS else [])


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["", " ", "OK", "<p>Welcome</p>", "null", "[]", "{}", "0"])
def test_answer_without_the_id_of_the_mail_is_temporary(
    name: str, api: Api, alice: User, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    """A proxy, a portal or another service answers in place of the provider."""
    api.answer(200, body)
    assert outcome(alice, caplog) == DELAYED
    assert not PendingCount.objects.exists()


def hang(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)
    request.send_response(200)


def break_off(request: BaseHTTPRequestHandler) -> None:
    """End the response in the middle, after the mail was accepted."""
    request.send_response(200)
    request.send_header("Content-Length", "100")
    request.end_headers()
    request.wfile.write(b'{"id": "')


@pytest.mark.django_db
@pytest.mark.parametrize("reply", [hang, break_off])
def test_no_response_is_temporary(
    name: str, api: Api, alice: User, settings: Any, caplog: pytest.LogCaptureFixture, reply: Any
) -> None:
    use_provider(settings, name, api.url, timeout=1)
    api.reply = reply
    assert outcome(alice, caplog) == DELAYED


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_unreachable_api_is_temporary(
    alice: User, settings: Any, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    use_provider(settings, "mailgun", f"http://{host}:{free_port()}/")
    assert outcome(alice, caplog) == DELAYED


@pytest.mark.django_db
def test_acceptance_says_nothing_of_the_mailbox_if_deliveries_are_reported(
    name: str, api: Api, alice: User, settings: Any
) -> None:
    api.answer(200, ACCEPTED[name](alice.email))
    mark_undeliverable(alice.email, reason="550")
    use_provider(settings, name, api.url, SECRET)
    send(alice.email)
    assert shown_addresses(alice) == [(alice.email, True)]
    use_provider(settings, name, api.url)
    send(alice.email)
    assert shown_addresses(alice) == [(alice.email, False)]


def outcome(user: User, caplog: pytest.LogCaptureFixture) -> str:
    """Send a mail; return what became of it, of which nothing may quote the provider."""
    caplog.set_level(logging.DEBUG, "core")
    with pytest.raises((MailRefusedError, MailDelayedError)) as raised:
        send(user.email)
    error = raised.value
    assert error.__suppress_context__ or error.__context__ is None
    for secret in (KEY, user.email, "secret", "elsewhere"):
        assert secret not in f"{error!r} {error}"
        assert secret not in written_lines(caplog)
    if not isinstance(error, MailRefusedError):
        return DELAYED
    return ADDRESS if error.is_undeliverable else REFUSED
