"""The service behind Debian's PgBouncer, with transaction pooling and no prepared statements.

There are fewer server connections than threads, so a thread's statements use different ones.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import connection

from core.database.roles.owner import as_owner
from tests.support.client import Answer, GraphQLClient, HTTPClient, run_concurrently
from tests.support.factories import (
    PASSWORD,
    make_organization,
    make_permission,
    make_token,
    make_user,
)
from tests.support.signing_in import LOG_IN, log_in_by_cookie
from tests.system.cluster import HOST, Replica, fetch
from tests.system.pgbouncer import PgBouncer, pgbouncer
from tests.system.repository import text
from users.accounts.models import User

CONNECTIONS: Final = 2
CLIENTS: Final = 8
ROUNDS: Final = 6
# The settings in docs/deployment.md for PgBouncer before 1.21.
DOCUMENTED: Final = {"DATABASE_CONN_MAX_AGE": "0", "DATABASE_PREPARED_STATEMENTS": "0"}
RENAME: Final = """
    mutation ($name: String!) {
      updateProfile(input: {name: $name}) { user { username name } errors { code } }
    }
"""
ME: Final = "{ me { name groups { permissions } } }"
DIRECTORY: Final = """
    { users(first: 20) {
        nodes {
          username profile { locale } groups { name } permissions
          memberships(first: 5) { nodes { role organization { name } } }
        }
        totalCount { value }
    } }
"""


@pytest.fixture
def people(transactional_db: None) -> list[User]:
    people = [make_user(f"person-{number}", is_staff=True) for number in range(CLIENTS)]
    editors = Group.objects.create(name="Editors")
    editors.permissions.set(Permission.objects.filter(codename="view_user"))
    editors.user_set.set(people)
    make_organization("Archers", *people)
    return people


@pytest.fixture
def pool(people: list[User]) -> Iterator[PgBouncer]:
    """PgBouncer, and a role configured by docs/deployment.md."""
    statements = re.findall(
        r"^ALTER ROLE roster SET .+;$", text("docs/deployment.md"), re.MULTILINE
    )
    with as_owner(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    try:
        with pgbouncer(connections=CONNECTIONS) as running:
            yield running
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER ROLE roster RESET ALL")


@contextmanager
def service(pool: PgBouncer, log: Path, **environ: str) -> Iterator[str]:
    """Run gunicorn behind the pool; yield its URL."""
    replica = Replica(
        log,
        DATABASE_URL=pool.url,
        MIGRATION_DATABASE_URL="",
        PUBLIC_URL=settings.PUBLIC_URL,
        WEB_THREADS=str(CLIENTS),
        **environ,
    )
    replica.start()
    try:
        replica.wait_until_ready()
        yield f"http://{HOST}:{replica.port}"
    finally:
        replica.kill()


@contextmanager
def through_pool(pool: PgBouncer) -> Iterator[None]:
    """Connect this thread through the pool, without prepared statements."""
    before = connection.settings_dict
    options = before["OPTIONS"] | {"prepare_threshold": None}
    connection.close()
    connection.settings_dict = before | {"HOST": HOST, "PORT": pool.port, "OPTIONS": options}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = before


def open_pool_connections(pool: PgBouncer) -> None:
    """Open all server connections of the pool, which opens them on demand."""
    with pool.connect() as first, pool.connect() as second, first.transaction():
        first.execute("SELECT 1")
        second.execute("SELECT 1")


def exercise(url: str, user: User) -> list[Answer]:
    """Sign in, then alternate writes and reads; return all answers."""
    client = HTTPClient(url)
    signed_in = client(LOG_IN, login=user.username, password=PASSWORD)
    client.headers["Authorization"] = f"Bearer {signed_in.data['logIn']['accessToken']}"
    answers = [signed_in]
    for number in range(ROUNDS):
        answers += [client(RENAME, name=f"Name {number}"), client(ME), client(DIRECTORY)]
    return answers


def test_pooled_transactions_match_direct_connections(
    pool: PgBouncer, people: list[User], tmp_path: Path
) -> None:
    directory = GraphQLClient(make_token(people[0]))(DIRECTORY).data
    assert len(directory["users"]["nodes"]) == CLIENTS

    with service(pool, tmp_path / "log", **DOCUMENTED) as url:
        answers = run_concurrently(*(partial(exercise, url, user) for user in people))
        stats, pools = pool.show("STATS"), pool.show("POOLS")

    for user, (signed_in, *others) in zip(people, answers, strict=True):
        assert signed_in.data["logIn"]["user"]["username"] == user.username
        expected = [
            answer
            for number in range(ROUNDS)
            for answer in (
                {
                    "updateProfile": {
                        "user": {"username": user.username, "name": f"Name {number}"},
                        "errors": [],
                    }
                },
                {
                    "me": {
                        "name": f"Name {number}",
                        "groups": [{"permissions": ["accounts.view_user"]}],
                    }
                },
                directory,
            )
        ]
        assert [answer.data for answer in others] == expected
    # The clients shared two connections and waited for them.
    assert pools["pool_mode"] == "transaction"
    states = ("active", "idle", "used", "tested")
    assert sum(pools[f"sv_{state}"] for state in states) == CONNECTIONS
    assert stats["total_wait_time"] > 0
    assert stats["total_xact_count"] > CLIENTS * ROUNDS * 10


def test_statements_of_one_client_go_to_several_connections(pool: PgBouncer) -> None:
    open_pool_connections(pool)
    with pool.connect() as client:
        backends = [client.execute("SELECT pg_backend_pid()").fetchone() for _time in range(4)]
    assert len(set(backends)) == CONNECTIONS


def test_prepared_statements_fail_where_others_prepared_them(
    pool: PgBouncer, people: list[User], tmp_path: Path
) -> None:
    log, token = tmp_path / "log", make_token(people[0])
    body = json.dumps({"query": ME}).encode()
    with service(pool, log, **DOCUMENTED | {"DATABASE_PREPARED_STATEMENTS": "1"}) as url:
        for _time in range(CONNECTIONS + 1):
            response, _body = fetch(
                *(urlsplit(url).port or 0, "POST", "/graphql", body),
                Authorization=f"Bearer {token}",
                Content_Type="application/json",
            )

    assert response.status == 500
    logged = log.read_text(encoding="utf-8")
    assert re.search(r'prepared statement "\w+" (already exists|does not exist)', logged)


def test_role_has_the_connection_settings(pool: PgBouncer) -> None:
    options = settings.DATABASES["default"]["OPTIONS"]["options"]
    names = re.findall(r"-c (\w+)=", options)
    assert len(names) == options.count("=")
    with pool.connect() as pooled, connection.cursor() as own:
        for name in names:
            show = f"SHOW {name}"
            own.execute(show)
            assert pooled.execute(show.encode()).fetchone() == own.fetchone(), name


def test_forms_of_the_admin_read_their_choices_at_once(pool: PgBouncer, people: list[User]) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    for number in range(20):
        make_permission(f"crm.do_{number}")
    client = log_in_by_cookie(root.username).http
    open_pool_connections(pool)
    with through_pool(pool):
        page = client.get("/admin/auth/group/add/")

    assert page.status_code == 200
    assert page.content.count(b"<option") >= 20
