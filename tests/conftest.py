"""Fixtures: a small cast, clients, and the real servers around the service.

Alice has an account, Bob is public, Charlie is neither known nor public, Sam is staff, and
Root administers.
"""

import logging
import os
import queue
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_django
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.actor import Actor
from core.roles.owner import as_owner
from core.smtp_replies import Stage
from schema.budget import CLIENTS
from tests.client import Answer, GraphQLClient, ServiceClient
from tests.executors import EXECUTORS, Executor
from tests.factories import (
    make_api_token,
    make_bulk_action,
    make_crowd,
    make_factors,
    make_organization,
    make_organization_invitation,
    make_service,
    make_session,
    make_token,
    make_user,
    node_id,
)
from tests.pictures import SET
from tests.world import World
from users.accounts import pictures
from users.accounts.models import User
from users.activity.record import record
from users.activity.tags import Tag
from users.organizations.models import Organization
from users.scopes import Scope


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> Iterator[ExitStack]:
    """The owner makes and drops the test database: pytest-django does both inside this."""
    with ExitStack() as owner:
        owner.enter_context(as_owner())
        yield owner


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_modify_db_settings: ExitStack,
    django_db_setup: None,
    django_db_blocker: pytest_django.DjangoDbBlocker,
) -> Iterator[None]:
    """The tests themselves are the service, between the two.

    They may have PostgreSQL look at what they wrote, as it does by itself after a while.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        role = connection.ops.quote_name(settings.DATABASES["default"]["USER"])
        cursor.execute(f"GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {role}")
    django_db_modify_db_settings.close()
    yield
    django_db_modify_db_settings.enter_context(as_owner())


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice", name="Alice Archer")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob", name="Bob Baker", is_public=True)


@pytest.fixture
def charlie(db: None) -> User:
    return make_user("charlie", name="Charlie Cook")


@pytest.fixture
def sam(db: None) -> User:
    return make_user("sam", is_staff=True)


@pytest.fixture
def root(db: None) -> User:
    return make_user("root", is_staff=True, is_superuser=True)


@pytest.fixture
def client() -> ServiceClient:
    return ServiceClient()


@pytest.fixture(params=[True, False], ids=["fast path", "Django's handler"])
def path(request: pytest.FixtureRequest, settings: Any) -> None:
    """Have operations take the path, for tests of HTTP."""
    settings.FAST_PATH = request.param


@pytest.fixture
def world(db: None, executor: Executor, settings: Any) -> World:
    settings.SECOND_FACTOR = "all"
    return World(executor)


@pytest.fixture
def clubs(sam: User) -> list[Organization]:
    """Return organisations of one, three, eight and four; Sam is the first member of each."""
    people = [make_user(f"person-{number}") for number in range(7)]
    return [
        make_organization(f"Club {number}", sam, *people[: number - 1]) for number in (1, 3, 8, 4)
    ]


@pytest.fixture
def crowd(sam: User, alice: User) -> dict[str, str]:
    """Make 30 people who have one of everything, as have Alice and Sam; return ids by name."""
    organization = make_organization("Archers", sam, alice)
    editors = Group.objects.create(name="Editors")
    editors.permissions.add(*Permission.objects.filter(codename__startswith="view_")[:3])
    Group.objects.bulk_create(Group(name=f"Group {number}") for number in range(30))
    people = make_crowd(30, organization=organization, group=editors)
    make_factors(sam, alice, passkeys=30)
    actor = Actor(user_id=people[0].pk, ip="192.0.2.1")
    for user in (sam, alice, people[0]):
        for _number in range(30):
            record(Tag.LOGGED_IN, actor=actor, subject_id=user.pk)
            make_session(user)
            make_api_token(user, Scope.USERS_READ, Scope.EVENTS_READ)
    for number in range(30):
        make_service(f"service-{number:02}")
        other = make_organization(f"Organisation {number}", sam)
        for inviter in (sam, alice):
            make_organization_invitation(other, inviter, email=f"{inviter.pk}@example.org")
            make_organization_invitation(
                organization, inviter, email=f"{inviter.pk}-{number}@example.org"
            )
    authors = Group.objects.create(name="Authors")
    for user in (sam, alice):
        user.groups.add(editors, authors)
    actions = [make_bulk_action(sam, *people) for _number in range(31)]
    rows = {
        "user": people[0],
        "organization": organization,
        "group": editors,
        "bulk": actions[0],
    }
    return {name: node_id(row) for name, row in rows.items()}


@pytest.fixture
def anonymous(db: None) -> GraphQLClient:
    return GraphQLClient()


@pytest.fixture
def administrator(client_of: Callable[[User], GraphQLClient], root: User) -> GraphQLClient:
    return client_of(root)


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """Keep uploaded files here."""
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture(scope="session", autouse=True)
def own_decoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decode pictures by a program of this process's own.

    One of them runs at a time in a pod, and processes of the tests are not of one pod.
    """
    program = shutil.copy(pictures.PROGRAM, tmp_path_factory.mktemp("decoder"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "PROGRAM", Path(program))
        yield


@pytest.fixture
def upload(
    client_of: Callable[[User], GraphQLClient], alice: User, media: Path
) -> Callable[..., Answer]:
    """Upload a picture as Alice."""
    client = client_of(alice)
    return lambda file: client.upload(SET, file)


@pytest.fixture
def client_of(db: None) -> Callable[[User], GraphQLClient]:
    """Return signed-in clients."""
    return lambda user: GraphQLClient(make_token(user))


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, settings: Any) -> Executor:
    """Have the test's requests executed by the engine, and then by graphql-core alone."""
    return Executor.chosen(request.param, settings)


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """Each test begins and ends with nothing cached in this process's database, nor spent."""
    cache.clear()
    CLIENTS.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def uncollected_static_files(settings: Any) -> None:
    """Serve static files from where they are; only an image has them collected."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


class Statements(list[str]):
    """The SQL of a block, once it has ended."""


@pytest.fixture
def statements(db: None) -> Callable[[], AbstractContextManager[Statements]]:
    """Capture the statements of a block."""

    @contextmanager
    def capture() -> Iterator[Statements]:
        captured = Statements()
        with CaptureQueriesContext(connection) as queries:
            yield captured
        captured.extend(query["sql"] for query in queries.captured_queries)

    return capture


@contextmanager
def bound_statements() -> Iterator[Statements]:
    """Capture the statements of a block with their values in them, as one may have them explained.

    Django's log has those that are prepared without their values.
    """
    captured = Statements()

    def capture(execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
        found = execute(sql, params, *more)
        operations: Any = connection.ops
        captured.append(operations.compose_sql(sql, params) if params else sql)
        return found

    with connection.execute_wrapper(capture):
        yield captured


class Sink:
    """An SMTP server's handler that keeps what it accepts, and refuses what `replies` has."""

    def __init__(self) -> None:
        self.mails: queue.Queue[EmailMessage] = queue.Queue()
        # Of the envelope of the newest mail: where it goes, whatever its head says.
        self.recipients: list[str | None] = []
        # What the server says to a command about a recipient, in place of accepting it.
        self.replies: dict[tuple[Stage, str], str] = {}
        self.attempts: Counter[str] = Counter()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        self.attempts[address] += 1
        refusal = self.replies.get((Stage.RCPT, address))
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        refusal = self.replies.get((Stage.DATA, envelope.rcpt_tos[0]))
        if refusal:
            # As servers do that quote what they refuse.
            quoted = re.sub(rb"[^!-~]+", b" ", content)[-400:].decode()
            return f"{refusal} {quoted}"
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.recipients = list(envelope.rcpt_tos)
        self.mails.put(message)
        return "250 OK"

    def next(self, timeout: float = 20) -> EmailMessage:
        """Wait for the next mail."""
        return self.mails.get(timeout=timeout)

    def is_empty(self) -> bool:
        return self.mails.empty()


@pytest.fixture(scope="session")
def smtp_server() -> Iterator[Sink]:
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=settings.EMAIL_PORT)
    controller.start()
    yield sink
    controller.stop()


@pytest.fixture
def mails(smtp_server: Sink, settings: Any) -> Sink:
    """A real SMTP server without old mails; Django's tests would use a list instead."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    while not smtp_server.is_empty():
        smtp_server.mails.get_nowait()
    smtp_server.replies.clear()
    smtp_server.attempts.clear()
    return smtp_server


def environ_of_tests(**environ: str) -> dict[str, str]:
    """Return the environment for a process of the service that works on the test database."""
    database = settings.DATABASES["default"]
    address = f"{database['USER']}:{database['PASSWORD']}@/{database['NAME']}"
    options = f"host={database['HOST']}&port={database['PORT'] or 5432}"
    inherited = {name: os.environ[name] for name in os.environ if name != "MIGRATION_DATABASE_URL"}
    return inherited | {"DATABASE_URL": f"postgresql://{address}?{options}"} | environ


@contextmanager
def celery_worker(**environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Celery worker on the test database until the block ends."""
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "core", "--quiet", "worker"]
    worker = subprocess.Popen(
        [*command, "--concurrency", "1", "--loglevel", "ERROR", "--without-mingle"],
        env=environ_of_tests(**environ),
    )
    try:
        yield worker
    finally:
        worker.terminate()
        try:
            worker.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # Celery may miss a signal that comes while it starts.
            worker.kill()
            worker.wait()


@pytest.fixture
def worker(transactional_db: None, mails: Sink) -> Iterator[Sink]:
    """A worker at work on committed data; yields where its mails arrive.

    It ends with the test, because it would hold locks while the tables are emptied.
    """
    with celery_worker():
        yield mails


@pytest.fixture(autouse=True)
def _no_work_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Purge what a test published and no worker took, lest the next test's worker does."""
    yield
    if "worker" not in request.fixturenames:
        with current_app.connection_for_write() as broker:
            current_app.control.purge(connection=broker)
