"""Metrics of requests, log-ins, passwords, database and broker."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from core.email.message import Mail, send
from core.email.smtp_replies import MailRefusedError
from core.email.words import Reader
from core.outbox.queues import Queue
from core.telemetry.requests import OTHER
from schema.trusted.names import MAX_NAMES, learn_names, trusted_names
from tests.support.client import JSON, GraphQLClient
from tests.support.metrics import Increase, Samples
from tests.support.persisted import send as send_id
from tests.support.persisted import trust_text
from tests.support.sink import Sink
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]
COUNT, SUM = "graphql_operation_seconds_count", "graphql_operation_seconds_sum"
STATEMENTS = "graphql_operation_statements_total"
WAITED = "graphql_operation_database_seconds_total"
ERRORS = "graphql_errors_total"
REQUESTS = "http_requests_total"
LOG_IN = """
    mutation LogIn($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password}) { errors { code } }
    }
"""


@pytest.fixture
def no_names() -> None:
    trusted_names.clear()


def test_operations_are_counted_by_documented_names(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)

    def call() -> None:
        for _number in range(2):
            client("query Me { me { id } }")
        client("query Invented { me { id } }")
        client("{ me { id } }")
        client("{")

    grown = Increase.by(call)

    assert grown.of_name(COUNT) == {("Me",): 2, (OTHER,): 3}
    assert grown.of_name(STATEMENTS)["Me",] >= 2
    assert 0 < grown.of_name(WAITED)["Me",] < grown.of_name(SUM)["Me",]
    assert grown.of_name(REQUESTS)["graphql", "200"] == 5
    assert grown.of_name("http_request_seconds_count")["graphql",] == 5


@pytest.mark.usefixtures("no_names")
def test_trusted_documents_have_their_names(client_of: ClientOf, alice: User) -> None:
    trust_text("query Shown { me { id } }", "shown")
    client = client_of(alice)

    grown = Increase.by(lambda: send_id(client, documentId="shown"))

    assert grown.of_name(COUNT) == {("Shown",): 1}


@pytest.mark.usefixtures("no_names")
def test_names_are_bounded() -> None:
    for number in range(2 * MAX_NAMES):
        learn_names(f"query Name{number} {{ me {{ id }} }}")
    learn_names(f"query {'x' * 1_000} {{ me {{ id }} }}")

    assert len(trusted_names) == MAX_NAMES


def test_errors_are_counted_by_code(anonymous: GraphQLClient, settings: Any) -> None:
    settings.BATCH_MAX = 2

    def call() -> None:
        anonymous(LOG_IN, login="unknown", password="a wrong password")
        anonymous("{ unknown }")
        anonymous.http.post("/graphql", "{", JSON)
        anonymous.http.post("/graphql", json.dumps([{"query": "{"}, {"query": "{"}]), JSON)
        anonymous.http.post(
            "/graphql", {"query": "{ me { id } }"}, JSON, headers={"Authorization": "Bearer a.b.c"}
        )

    grown = Increase.by(call)

    assert grown.of_name(ERRORS) == {
        ("CREDENTIALS_INVALID",): 1,
        ("GRAPHQL_VALIDATION_FAILED",): 1,
        ("BAD_REQUEST",): 1,
        ("GRAPHQL_PARSE_FAILED",): 2,
        ("UNAUTHENTICATED",): 1,
    }
    assert grown.of_name(COUNT) == {("LogIn",): 1, ("batch",): 1, (OTHER,): 3}
    assert grown.of_name("argon2_seconds_count") == {("hash",): 1}


@pytest.mark.usefixtures("db")
def test_pages_are_counted_by_kind(client: Client) -> None:
    def call() -> None:
        for path in ("/admin/", "/nowhere", "/livez"):
            client.get(path)

    grown = Increase.by(call).of_name(REQUESTS)

    # The first reading of the metrics itself.
    assert grown == {("admin", "302"): 1, ("page", "404"): 1, ("probe", "200"): 2}


@pytest.mark.django_db(transaction=True)
def test_events_and_refused_attempts_are_counted(alice: User, settings: Any) -> None:
    settings.LOG_INS_PER_ACCOUNT = 3
    client = GraphQLClient()

    def call() -> None:
        for _number in range(4):
            client(LOG_IN, login="alice", password="a wrong password")

    grown = Increase.by(call)

    assert grown.of_name("events_total")["session:user:refuse_log_in",] == 3
    # The refused attempt is counted, and the one that asks whether it is the first refusal.
    assert grown.of_name("rate_limited_attempts_total") == {("log_in.login",): 2}
    assert grown.of_name("argon2_seconds_count") == {("verify",): 3}


@pytest.mark.usefixtures("db")
def test_mails_are_counted_by_result(mails: Sink) -> None:
    mail = Mail(reader=Reader(), subject="A subject", paragraphs=["A paragraph."])

    def call() -> None:
        send(mail, to="alice@example.org")
        with pytest.raises(MailRefusedError):
            send(mail, to="a<b@example.org")

    grown = Increase.by(call)

    assert grown.of_name("mails_total") == {("sent",): 1, ("refused",): 1}
    assert grown.of_name("mail_seconds_count") == {(): 2}


@pytest.mark.usefixtures("db")
def test_database_broker_and_outbox_are_reported() -> None:
    found = Samples.read()

    assert found["database_up", ()] == found["broker_up", ()] == 1
    connections = found.of_name("database_connections")
    assert 1 <= sum(connections.values()) <= found["database_connections_max", ()]
    for name in ("broker_messages", "outbox_oldest_seconds"):
        assert found.of_name(name) == {(queue,): 0 for queue in Queue}
