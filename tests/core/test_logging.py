"""The content of log lines, and data that must not be in them."""

import datetime as dt
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from celery import current_app
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone
from structlog.contextvars import bound_contextvars, get_contextvars

from core.configuration.logs import console_formatter, json_formatter
from core.outbox import registry
from core.outbox.dispatch import dispatch
from core.outbox.models import OutboxMessage
from core.outbox.registry import publish, subscriber
from core.request_id import current_request_id, request_id_from
from tests.server.servers import serving
from tests.support.client import JSON, GraphQLClient
from tests.support.factories import PASSWORD, make_organization, make_token, node_id
from tests.support.service_processes import celery_worker
from tests.support.waiting import wait_until
from users.accounts.models import User

GIVEN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
MADE = re.compile(r"[0-9a-f]{32}")
ME = "{ me { id } }"
BAD_REQUEST_LINE = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"


class Lines:
    """The output of a formatter."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.handler = logging.StreamHandler(StringIO())
        self.handler.setFormatter(formatter)

    @property
    def text(self) -> str:
        return str(self.handler.stream.getvalue())

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Capture the lines of all later records, formatted as in production."""
    captured = Lines(json_formatter())
    logging.getLogger().addHandler(captured.handler)
    yield captured
    logging.getLogger().removeHandler(captured.handler)


@pytest.fixture
def proxied(settings: Any) -> None:
    """Configure one trusted proxy."""
    settings.TRUSTED_PROXIES = 1


# Formats ---------------------------------------------------------------------------------


def test_json_line_has_the_context_the_extra_and_the_traceback(lines: Lines) -> None:
    with bound_contextvars(request_id=GIVEN):
        try:
            int("no number")
        except ValueError:
            logging.getLogger("users.accounts").exception(
                "%d of %d failed", 1, 2, extra={"attempt": 3, "state": None}
            )
    (entry,) = lines.entries
    assert entry.pop("time").endswith("+00:00")
    assert "ValueError: invalid literal" in entry.pop("exception")
    assert entry == {
        "level": "ERROR",
        "logger": "users.accounts",
        "message": "1 of 2 failed",
        "request_id": GIVEN,
        "attempt": 3,
        "state": None,
    }


def test_extra_does_not_replace_other_fields(lines: Lines) -> None:
    forged = {"request_id": "forged", "level": "DEBUG", "time": "never", "event": "another"}
    with bound_contextvars(request_id=GIVEN):
        logging.getLogger("core").warning("the message", extra=forged)
    (entry,) = lines.entries
    assert (entry["request_id"], entry["level"], entry["message"]) == (
        GIVEN,
        "WARNING",
        "the message",
    )
    assert entry["time"] != "never"


def test_only_scalars_of_our_own_extra_are_logged(lines: Lines) -> None:
    request = RequestFactory().get("/graphql", {"variables": "a secret"})
    for name in ("django.request", "celery.app.trace", "core.web.operations"):
        logging.getLogger(name).error(
            "failed", extra={"request": request, "data": {"args": ["a secret"]}}
        )
    logging.getLogger("django.request").error("failed", extra={"text": "a secret"})
    assert len(lines.entries) == 4
    assert "secret" not in lines.text


@pytest.mark.parametrize("formatter", [console_formatter, json_formatter])
def test_tracebacks_show_no_local_variables(formatter: Callable[[], logging.Formatter]) -> None:
    captured = Lines(formatter())

    def fail(password: str) -> None:
        raise RuntimeError(str(len(password)))

    secret = PASSWORD
    try:
        fail(secret)
    except RuntimeError:
        record = logging.LogRecord("core", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    captured.handler.emit(record)
    assert f"RuntimeError: {len(PASSWORD)}" in captured.text
    assert PASSWORD not in captured.text


def test_console_line_is_human_readable() -> None:
    captured = Lines(console_formatter())
    record = logging.LogRecord("core.outbox", logging.WARNING, "", 0, "broker %s", ("gone",), None)
    record.attempts = 2
    with bound_contextvars(request_id=GIVEN):
        captured.handler.emit(record)
    (line,) = captured.text.splitlines()
    for part in ("warning", "broker gone", "core.outbox", "attempts=2", f"request_id={GIVEN}"):
        assert part in line


# Web -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/graphql", "/livez", "/nowhere", "/admin/", "/.well-known/jwks.json"]
)
@pytest.mark.django_db
def test_every_response_has_a_unique_id(client: Client, path: str) -> None:
    first, second = (client.get(path)["X-Request-ID"] for _number in range(2))
    assert MADE.fullmatch(first)
    assert MADE.fullmatch(second)
    assert first != second


@pytest.mark.parametrize("body", [{"query": ME}, {"query": "{"}, {}])
@pytest.mark.usefixtures("proxied", "db")
def test_operations_and_errors_return_the_id_of_the_proxy(
    client: Client, body: dict[str, str]
) -> None:
    response = client.post("/graphql", body, JSON, headers={"X-Request-ID": GIVEN})
    assert response["X-Request-ID"] == GIVEN


@pytest.mark.usefixtures("proxied", "db")
def test_refused_credentials_and_hosts_return_the_id_of_the_proxy(client: Client) -> None:
    headers = {"X-Request-ID": GIVEN, "Authorization": "Bearer a.b.c"}
    response = client.post("/graphql", {"query": ME}, JSON, headers=headers)
    assert (response.status_code, response["X-Request-ID"]) == (401, GIVEN)
    headers = {"X-Request-ID": GIVEN, "Host": "elsewhere.example"}
    response = client.post("/graphql", {"query": ME}, JSON, headers=headers)
    assert (response.status_code, response["X-Request-ID"]) == (400, GIVEN)


def test_id_from_a_client_is_not_trusted() -> None:
    environ = {"HTTP_X_REQUEST_ID": GIVEN}
    assert request_id_from(environ, trusted_proxies=1) == GIVEN
    assert request_id_from(environ, trusted_proxies=0) != GIVEN


@pytest.mark.parametrize(
    "value",
    [
        "short",
        "x" * 65,
        f"{GIVEN}\n",
        f"{GIVEN},{GIVEN}",
        f'{GIVEN}"',
        f"{GIVEN} ",
        f"{GIVEN}\x1b[2J",
        f"{GIVEN}\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_malformed_id_is_replaced(value: str) -> None:
    made = request_id_from({"HTTP_X_REQUEST_ID": value}, trusted_proxies=1)
    assert MADE.fullmatch(made)


BROKEN = "query ($id: ID!) { organization(id: $id) { name } }"


def break_organizations() -> None:
    """Make queries of organisations fail, which aborts the test's transaction."""
    with connection.cursor() as cursor:
        # Shadows the real table, and has no columns.
        cursor.execute("CREATE TEMPORARY TABLE organizations_organization ()")


@pytest.mark.usefixtures("proxied")
def test_every_line_of_a_request_has_its_id(alice: User, lines: Lines, client: Client) -> None:
    variables = {"id": node_id(make_organization("Archers", alice))}
    # Django logs the 404 after all middleware.
    client.get("/nowhere", headers={"X-Request-ID": GIVEN})
    break_organizations()
    client.post(
        "/graphql",
        {"query": BROKEN, "variables": variables},
        JSON,
        headers={"X-Request-ID": GIVEN, "Authorization": f"Bearer {make_token(alice)}"},
    )
    assert {"schema.errors", "django.request"} == {entry["logger"] for entry in lines.entries}
    assert {entry.get("request_id") for entry in lines.entries} == {GIVEN}
    assert current_request_id() == ""
    logging.getLogger("core").warning("afterwards")
    assert "request_id" not in lines.entries[-1]


LOG_IN = """
    mutation ($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password}) { errors { code } }
    }
"""


def test_errors_log_neither_variables_nor_credentials(alice: User, lines: Lines) -> None:
    token = make_token(alice)
    client = GraphQLClient(token)
    organization = node_id(make_organization("Archers", alice))
    anonymous = GraphQLClient()
    assert anonymous(LOG_IN, login="alice", password=PASSWORD).problems == []
    assert anonymous(LOG_IN, login="alice", password=[PASSWORD]).codes == [
        "GRAPHQL_VARIABLES_INVALID"
    ]
    secrets = {"Authorization": f"Bearer {token}", "Cookie": f"roster={PASSWORD}"}
    in_url = {"query": "query ($a: [ID!]!) { me { id } }", "variables": f'{{"a": ["{PASSWORD}"'}
    assert client.http.get("/graphql", in_url, headers=secrets).status_code == 400
    break_organizations()
    in_url = {"query": BROKEN, "variables": json.dumps({"id": organization, "b": PASSWORD})}
    client.http.get("/graphql", in_url, headers=secrets)
    assert {"schema.errors", "django.request"} == {entry["logger"] for entry in lines.entries}
    assert "organizations_organization" in lines.text
    assert PASSWORD not in lines.text
    assert token not in lines.text


def test_access_log_and_response_of_the_web_server_have_the_id(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(TRUSTED_PROXIES="1", LOG_FORMAT="json") as server:
        http = server.connect()
        http.request("GET", "/nowhere", headers={"X-Request-ID": GIVEN})
        response = http.getresponse()
        response.read()
        assert (response.status, response.headers["X-Request-ID"]) == (404, GIVEN)
        body = json.dumps({"query": LOG_IN.replace("mutation", "mutation LogIn"), "variables": {}})
        http.request("POST", "/graphql?a=secret", body, {"Content-Type": JSON})
        http.getresponse().read()
        refused = server.connect()
        assert refused.sock
        refused.sock.sendall(BAD_REQUEST_LINE)
        answer = refused.sock.recv(10_000).decode()
        server.process.terminate()
        server.process.wait(timeout=20)
    out, err = capfd.readouterr()
    line, operation = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert operation["duration_ms"] > 0
    assert (
        operation.items()
        >= {
            "kind": "graphql",
            "operation": "LogIn",
            "path": "/graphql",
            "errors": "GRAPHQL_VARIABLES_INVALID,GRAPHQL_VARIABLES_INVALID",
            "status": 200,
            "user_id": None,
            "statements": 0,
            "database_ms": 0,
        }.items()
    )
    assert "secret" not in out
    assert (line["request_id"], line["status"], line["kind"]) == (GIVEN, 404, "page")
    entries = [json.loads(line) for line in err.splitlines()]
    assert [each["request_id"] for each in entries if "Not Found" in each["message"]] == [GIVEN]
    (refusal,) = [each for each in entries if "Refused" in each["message"]]
    assert answer.startswith("HTTP/1.1 400")
    assert f"\r\nX-Request-ID: {refusal['request_id']}\r\n" in answer
    # Not the id of an earlier request on this connection or thread.
    assert refusal["request_id"] != GIVEN


# Worker ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_message_has_the_request_id() -> None:
    subscriber("test:logging")(lambda: None)
    try:
        with bound_contextvars(request_id=GIVEN):
            publish("test:logging")
        publish("test:logging")
    finally:
        (entry,) = registry._topics.pop("test:logging")  # noqa: SLF001 - no public API to unsubscribe
        del registry.subscribers[entry.name]
    ids = OutboxMessage.objects.order_by("pk").values_list("request_id", flat=True)
    assert list(ids) == [GIVEN, ""]


@pytest.mark.django_db(transaction=True)
def test_lines_of_a_task_have_the_id_of_its_request(capfd: pytest.CaptureFixture[str]) -> None:
    now = timezone.now()
    # The worker does not accept the payload, and logs a traceback.
    fields = {"subscriber": "users.activity.tasks.count_event", "payload": {"unknown": 1}}
    hurried = OutboxMessage.objects.create(
        **fields, request_id=GIVEN, dispatch_at=now + dt.timedelta(hours=1)
    )
    OutboxMessage.objects.create(**fields, request_id=OTHER, dispatch_at=now)
    written: list[str] = []
    entries: list[dict[str, Any]] = []

    def failed_twice() -> bool:
        written.append(capfd.readouterr().err)
        *complete, _rest = "".join(written).split("\n")
        lines = [json.loads(line) for line in complete if line.startswith("{")]
        entries[:] = [line for line in lines if "TypeError" in line.get("exception", "")]
        return len(entries) == 2

    with celery_worker(LOG_FORMAT="json"):
        dispatch("default", [(hurried.pk, hurried.request_id)])
        current_app.send_task("core.outbox.relay")
        # Starting a worker takes long on a busy machine.
        wait_until(failed_twice)
    assert sorted(entry["request_id"] for entry in entries) == [GIVEN, OTHER]
    for entry in entries:
        assert (entry["logger"], entry["task"]) == ("core.outbox.tasks", "core.outbox.deliver")
        assert entry["task_id"]
    assert get_contextvars() == {}
