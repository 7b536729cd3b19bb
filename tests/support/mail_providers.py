"""Mail providers: a server in place of the API, and reports as they document them."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, quote

from core.configuration.services import ServiceEnvironment
from core.email.providers import PROVIDERS

KEY: Final = "key/with+hunter2"
SIGNING_KEY: Final = "signing-key-of-mailgun"
SECRET: Final = "a-secret-of-the-webhook-0123456789"
NAMES: Final = sorted(PROVIDERS)
USERS: Final = {
    "brevo": f"{quote(KEY, safe='')}@",
    "mailgun": f"{quote(KEY, safe='')}@mg.example.com",
    "mailjet": f"public:{quote(KEY, safe='')}@",
    "postmark": f"{quote(KEY, safe='')}@",
}
ACCEPTED: Final[dict[str, Callable[[str], Any]]] = {
    "brevo": lambda _to: {"messageId": "<201798300811.5787683@relay.domain.com>"},
    "mailgun": lambda _to: {"id": "<20160306015544.1@example.org>", "message": "Queued. Thanks."},
    "mailjet": lambda to: {
        "Messages": [
            {
                "Status": "success",
                "To": [{"Email": to, "MessageUUID": "12-34", "MessageID": 456}],
                "Cc": [],
                "Bcc": [],
            }
        ]
    },
    "postmark": lambda to: {
        "To": to,
        "SubmittedAt": "2026-02-17T07:25:01.4178645-05:00",
        "MessageID": "0a129aee-e1cd-480d-b08d-4f48548ff48d",
        "ErrorCode": 0,
        "Message": "OK",
    },
}


def environ_of(name: str, api_url: str, *secrets: str) -> dict[str, str]:
    """Return the variables of a deployment that uses the provider."""
    signing = f"&webhook_signing_key={SIGNING_KEY}" if name == "mailgun" else ""
    return {
        "EMAIL_URL": f"{name}://{USERS[name]}?api_url={quote(api_url)}{signing}",
        "MAIL_WEBHOOK_SECRETS": ",".join(secrets),
    }


def use_provider(settings: Any, name: str, api_url: str, *secrets: str, timeout: int = 10) -> None:
    """Have this process use the provider."""
    env = ServiceEnvironment(environ_of(name, api_url, *secrets))
    for setting, value in env.mail("EMAIL_URL", "", timeout=timeout).items():
        setattr(settings, setting, value)


@dataclass(frozen=True, slots=True)
class Request:
    """What the API was sent."""

    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body).items()}


Reply = Callable[[BaseHTTPRequestHandler], None]


class Api(ThreadingHTTPServer):
    """The API, which accepts mails until it has another reply."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: Queue[Request] = Queue()
        self.reply: Reply

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def answer(self, status: int, body: object, **headers: str) -> None:
        """Send this reply from now on: text as it is, anything else as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)

        def reply(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(text.encode())

        self.reply = reply

    def next(self) -> Request:
        """Wait for the next request."""
        return self.requests.get(timeout=20)


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.put(Request(self.path, dict(self.headers), body))
        with suppress(BrokenPipeError, ConnectionResetError):
            self.server.reply(self)

    def do_GET(self) -> None:
        self.server.requests.put(Request(self.path, dict(self.headers), ""))
        self.send_error(404)

    def log_message(self, *_args: Any) -> None:
        """Suppress the log."""


@contextmanager
def provider_api() -> Iterator[Api]:
    with Api() as api:
        Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
        yield api
        api.shutdown()


# Reports ---------------------------------------------------------------------------------


def _brevo(email: str, event: str, reason: str) -> Any:
    return {
        "id": 26224,
        "event": event,
        "email": email,
        "date": "2026-10-09 00:00:00",
        "ts": 1604937337,
        "ts_event": 1604933737,
        "ts_epoch": 1604933653000,
        "message-id": "<201798300811.5787683@relay.domain.com>",
        "subject": "My first Transactional",
        "sending_ip": "xxx.xx.xxx.xx",
        "template_id": 22,
        "reason": reason,
    }


def _mailgun(email: str, event: str, **fields: Any) -> Any:
    timestamp, token = "1529006854", "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    signature = hmac.digest(SIGNING_KEY.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
    return {
        "signature": {"timestamp": timestamp, "token": token, "signature": signature.hex()},
        "event-data": {
            "id": "G9Bn5sl1TC6nu79C8C0bwg",
            "timestamp": 1521233195.375624,
            "event": event,
            "recipient": email,
            "recipient-domain": email.rpartition("@")[2],
            "message": {"headers": {"message-id": "20130503192659.13651.20287@mg.example.com"}},
            "flags": {"is-test-mode": False},
            "user-variables": {},
            **fields,
        },
    }


def _mailgun_failure(email: str, severity: str, reason: str, reply: str) -> Any:
    status = {"code": 550, "message": reply, "description": "", "attempt-no": 1}
    return _mailgun(
        email, "failed", **{"severity": severity, "reason": reason, "delivery-status": status}
    )


def _mailjet(email: str, event: str, **fields: Any) -> Any:
    return {
        "event": event,
        "time": 1430812195,
        "MessageID": 13792286917004336,
        "email": email,
        "mj_campaign_id": 0,
        "mj_contact_id": 0,
        "customcampaign": "",
        "CustomID": "",
        "Payload": "",
        **fields,
    }


def _mailjet_bounce(email: str, error: str, *, is_hard: bool) -> Any:
    return _mailjet(
        email, "bounce", blocked=False, hard_bounce=is_hard, error_related_to="", error=error
    )


def _postmark(email: str, type_: str, details: str) -> Any:
    return {
        "RecordType": "SpamComplaint" if type_ == "SpamComplaint" else "Bounce",
        "MessageStream": "outbound",
        "ID": 4323372036854775807,
        "Type": type_,
        "TypeCode": 1,
        "Name": "Hard bounce",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {},
        "ServerID": 23,
        "Description": "The server was unable to deliver your message.",
        "Details": details,
        "Email": email,
        "From": "sender@example.com",
        "BouncedAt": "2026-11-05T16:33:54.9070259Z",
        "DumpAvailable": True,
        "Inactive": True,
        "CanActivate": True,
        "Subject": "Test subject",
    }


def _postmark_delivery(email: str) -> Any:
    return {
        "RecordType": "Delivery",
        "ServerID": 23,
        "MessageStream": "outbound",
        "MessageID": "00000000-0000-0000-0000-000000000000",
        "Recipient": email,
        "DeliveredAt": "2026-11-05T16:33:54.9070259Z",
        "Details": "Test delivery webhook details",
        "Metadata": {},
    }


UNKNOWN: Final = "550 5.1.1 The email account that you tried to reach does not exist"
SPAM: Final = "550 5.7.1 Message contains spam or a virus"
HARD, SOFT, POLICY, COMPLAINED, DELIVERED, OPENED = (
    *("hard", "soft", "policy", "complained"),
    *("delivered", "opened"),
)
REPORTS: Final[dict[str, dict[str, Callable[[str], Any]]]] = {
    "brevo": {
        HARD: lambda email: _brevo(email, "hard_bounce", UNKNOWN),
        SOFT: lambda email: _brevo(email, "soft_bounce", "452 4.2.2 mailbox full"),
        POLICY: lambda email: _brevo(email, "hard_bounce", SPAM),
        COMPLAINED: lambda email: _brevo(email, "spam", ""),
        DELIVERED: lambda email: _brevo(email, "delivered", "sent"),
        OPENED: lambda email: _brevo(email, "unique_opened", ""),
    },
    "mailgun": {
        HARD: lambda email: _mailgun_failure(email, "permanent", "bounce", UNKNOWN),
        SOFT: lambda email: _mailgun_failure(email, "temporary", "generic", "4.2.2 full"),
        POLICY: lambda email: _mailgun_failure(email, "permanent", "bounce", SPAM),
        COMPLAINED: lambda email: _mailgun(email, "complained"),
        DELIVERED: lambda email: _mailgun(email, "delivered"),
        OPENED: lambda email: _mailgun(email, "opened"),
    },
    "mailjet": {
        HARD: lambda email: [_mailjet_bounce(email, "user unknown", is_hard=True)],
        SOFT: lambda email: [_mailjet_bounce(email, "quota exceeded", is_hard=False)],
        POLICY: lambda email: _mailjet_bounce(email, "content blocked", is_hard=True),
        COMPLAINED: lambda email: _mailjet(email, "spam", source="JMRPP"),
        DELIVERED: lambda email: [_mailjet(email, "sent", smtp_reply="sent (250 2.0.0 OK)")],
        OPENED: lambda email: [_mailjet(email, "open", ip="127.0.0.1", geo="US", agent="x")],
    },
    "postmark": {
        HARD: lambda email: _postmark(email, "HardBounce", f"smtp;{UNKNOWN}"),
        SOFT: lambda email: _postmark(email, "SoftBounce", "smtp;452 4.2.2 mailbox full"),
        POLICY: lambda email: _postmark(email, "Blocked", f"smtp;{SPAM}"),
        COMPLAINED: lambda email: _postmark(email, "SpamComplaint", "Test spam complaint"),
        DELIVERED: _postmark_delivery,
        OPENED: lambda email: {"RecordType": "Open", "Recipient": email, "FirstOpen": True},
    },
}


def credentials(secret: str = SECRET, user: str = "roster") -> dict[str, str]:
    """Return the header in which a provider sends the credentials of the webhook's URL."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"}
