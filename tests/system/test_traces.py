"""Traces and error reports have what operators need, and no secrets."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from core.database.roles.owner import as_owner
from core.dev.ports import free_port
from core.outbox.dispatch import dispatch
from core.outbox.models import OutboxMessage
from core.outbox.queues import Queue
from tests.support.celery_workers import Workers
from tests.support.client import JSON, GraphQLClient
from tests.support.collectors import Collector, collecting
from tests.support.factories import PASSWORD, make_organization, make_token, node_id
from tests.support.service_processes import environ_of_tests
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tests.support.webhooks import created, happen
from tests.system.cluster import Replica, fetch
from users.accounts.models import User
from users.activity.tags import Tag

# In every value that a client can send, and in what the service makes of it.
CANARY: Final = "canary7serinus"
LOG_IN: Final = """mutation LogIn($login: String!, $password: String!) {
    logIn(input: {login: $login, password: $password}) { accessToken errors { code } }
}"""
SIGN_UP: Final = (
    "mutation SignUp($input: SignUpInput!) { signUp(input: $input) { errors { code } } }"
)
ORGANIZATION: Final = "query ($id: ID!) { organization(id: $id) { name } }"


@contextmanager
def broken_organizations() -> Iterator[None]:
    """Have queries of organisations fail."""
    role = connection.ops.quote_name(django_settings.DATABASES["default"]["USER"])
    for statement in ("REVOKE SELECT ON {} FROM {}", "GRANT SELECT ON {} TO {}"):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(statement.format("organizations_organization", role))
        if statement.startswith("REVOKE"):
            yield


class Web:
    """Sends requests to a replica, each with canaries in its headers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.statuses: list[int] = []
        self.request_ids: list[str] = []

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        fields = {
            "Content_Type": JSON,
            "Cookie": f"roster={CANARY}; other={CANARY}",
            "User_Agent": CANARY,
            "Referer": f"https://example.org/?token={CANARY}",
            "X_Forwarded_For": CANARY,
            "X_Canary": CANARY,
        } | headers
        response, content = fetch(self._port, method, path, data, **fields)
        self.statuses.append(response.status)
        self.request_ids.append(response.headers["X-Request-ID"])
        is_json = "json" in response.headers["Content-Type"]
        answer: dict[str, Any] = json.loads(content) if is_json else {}
        return answer


def send_secrets(web: Web, alice: User) -> str:
    """Send every kind of request; return a token that was given."""
    right = {"login": "alice", "password": PASSWORD}
    token = web("POST", "/graphql", {"query": LOG_IN, "variables": right})
    wrong = {"login": CANARY, "password": CANARY}
    web("POST", "/graphql", {"query": LOG_IN, "variables": wrong})
    web("POST", "/graphql", {"query": LOG_IN, "variables": {"login": [CANARY], CANARY: CANARY}})
    literal = f'mutation {CANARY} {{ logIn(input: {{login: "{CANARY}", password: "{CANARY}"}}) '
    web("POST", "/graphql", {"query": f"# {CANARY}\n{literal} {{ errors {{ code }} }} }}"})
    web("POST", "/graphql", {"query": f"{{ {CANARY} }}", "operationName": CANARY})
    web("POST", "/graphql", f'{{"query": "{CANARY}'.encode())
    web("POST", "/graphql", {"query": "{ me { id } }"}, Authorization=f"Bearer {CANARY}")
    web("GET", f"/graphql?query={quote('{ me { id } }')}&variables=%7B%22a%22%3A%22{CANARY}%22%7D")
    form = f'--x\r\nContent-Disposition: form-data; name="{CANARY}"\r\n\r\n{CANARY}\r\n--x--\r\n'
    multipart = "multipart/form-data; boundary=x"
    web("POST", "/graphql", form.encode(), Content_Type=multipart, GraphQL_Require_Preflight="1")
    web("GET", f"/nowhere/{CANARY}?token={CANARY}")
    web("GET", f"/media/{CANARY}")
    web("GET", f"/admin/login/?next={CANARY}")
    web("POST", "/admin/login/", f"username={CANARY}&password={CANARY}".encode())
    address = {"email": f"{CANARY}@example.org", "username": CANARY, "password": PASSWORD}
    web("POST", "/graphql", {"query": SIGN_UP, "variables": {"input": address}})
    given: str = token["data"]["logIn"]["accessToken"]
    bearer = f"Bearer {given}"
    with broken_organizations():
        identifier = node_id(make_organization_of(alice))
        variables = {"id": identifier, CANARY: CANARY}
        body = {"query": ORGANIZATION, "variables": variables}
        web("POST", "/graphql", body, Authorization=bearer)
    return given


_made: dict[str, Any] = {}


def make_organization_of(user: User) -> Any:
    return _made.get(user.username)


@pytest.mark.django_db(transaction=True)
def test_traces_and_error_reports_have_no_secrets(
    alice: User, root: User, mails: Sink, settings: Any, tmp_path: Path
) -> None:
    _made["alice"] = make_organization(f"{CANARY} club", alice)
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    administrator = GraphQLClient(make_token(root))
    created(administrator, f"https://127.0.0.1:{free_port()}/hook?token={CANARY}", Tag.USER_CHANGED)
    happen(alice, actor=root)
    message = OutboxMessage.objects.create(
        subscriber="users.activity.tasks.count_event",
        payload={CANARY: CANARY},
        dispatch_at=timezone.now() + timedelta(hours=1),
    )
    with collecting() as collector:
        environ = collector.environ | {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
        replica = Replica.on_test_database(tmp_path / "web.log", **environ)
        replica.start()
        try:
            replica.wait_until_ready()
            web = Web(replica.port)
            with (
                Workers(environ_of_tests(**environ)) as workers,
                workers.running(),
            ):
                token = send_secrets(web, alice)
                dispatch(Queue.DEFAULT, [(message.pk, web.request_ids[0])])
                current_app.send_task("users.webhooks.dispatch", queue=Queue.PERIODIC)
                expected = {"graphql LogIn", "send mail", "send webhook", "SELECT", "rate limits"}
                wait_until(lambda: expected <= {span.name for span in collector.spans})
                loggers = {"schema.errors", "core.outbox.tasks"}
                wait_until(lambda: loggers <= {event["logger"] for event in collector.events})
        finally:
            replica.stop()

    assert_spans_belong_together(collector, web)
    # A resolver and a subscriber; a page of the admin fails without collected static files.
    types = {event["exception"]["values"][-1]["type"] for event in collector.events}
    assert {"ProgrammingError", "UnexpectedFailureError"} <= types
    for event in collector.events:
        assert event["exception"]["values"][-1]["stacktrace"]["frames"]
        assert event["tags"]["request_id"] in web.request_ids
    log = (tmp_path / "web.log").read_text(encoding="utf-8")
    for secret in (CANARY, PASSWORD, token, make_token(alice)):
        assert secret not in collector.all
    assert PASSWORD not in log
    assert token not in log


def assert_spans_belong_together(collector: Collector, web: Web) -> None:
    """Assert that the trace of a request has its statements and tasks."""
    traces = {span.trace_id.hex() for span in collector.spans if span.name.startswith("graphql ")}
    assert traces <= set(web.request_ids)
    (log_in,) = [
        span
        for span in collector.spans
        if span.trace_id.hex() == web.request_ids[0] and span.name == "graphql LogIn"
    ]
    inside = [span for span in collector.spans if span.parent_span_id == log_in.span_id]
    names = [span.name for span in inside]
    assert {"SELECT", "rate limits", "task core.outbox.deliver"} <= set(names)
    texts = [
        attribute.value.string_value
        for span in inside
        for attribute in span.attributes
        if attribute.key == "db.query.text"
    ]
    assert any("FROM" in text and ("%s" in text or "$1" in text) for text in texts)


def test_libraries_are_imported_only_if_configured() -> None:
    command = "import core.wsgi, core.telemetry.tasks, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", command],
        env=environ_of_tests(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split())

    assert "core.web.fast_path" in imported
    # redis-py imports the metrics of OpenTelemetry by itself, if they are installed.
    assert not {"opentelemetry.exporter", "sentry_sdk", "core.telemetry.traces"} & imported
