"""Fixtures: a small cast, clients, and the real servers around the service.

Alice has an account, Bob is public, Charlie is neither known nor public, Sam is staff, and
Root administers.
"""

import gc
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import hypothesis
import pytest
import pytest_django
from aiosmtpd.controller import Controller
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from django.test.utils import CaptureQueriesContext
from kombu.transport.redis import Channel
from structlog.contextvars import clear_contextvars

from core.database.roles.owner import as_owner
from core.outbox.nudge import nudger
from schema.documents.budget import CLIENTS
from tests.support.captured import Statements
from tests.support.celery_workers import Workers
from tests.support.client import Answer, GraphQLClient, ServiceClient
from tests.support.crowd import CrowdRows, build_crowd
from tests.support.emptying import Emptying
from tests.support.executors import EXECUTORS, Executor
from tests.support.factories import (
    make_organization,
    make_token,
    make_user,
)
from tests.support.images import SET
from tests.support.many_people import build_many_people
from tests.support.service_processes import environ_of_tests
from tests.support.shared_rows import SharedRows
from tests.support.sink import Sink
from tests.support.world import World, WorldRows, build_world, build_world_with_tokens
from users.accounts.avatars import images
from users.accounts.models import User
from users.organizations.models import Organization

# How long examples take depends on what else the machine does.
hypothesis.settings.register_profile(
    "any speed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any speed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slowest tests, so that all processes end at the same time."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Exclude all modules and tests from garbage collection, as `gunicorn.conf.py` does.

    Each full collection would traverse them.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> Iterator[ExitStack]:
    """Create and drop the test database as its owner."""
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
    with django_db_blocker.unblock():
        # No public API.
        flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined] # noqa: SLF001
        emptying = Emptying(flush)

    def empty(case: TransactionTestCase) -> None:
        emptying.empty(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield
    django_db_modify_db_settings.enter_context(as_owner())


# What builds the rows of each fixture of shared rows; a test uses one of them at most. Rows of one
# module are named by its tests' mark `rows`.
SHARED: Final[dict[str, Callable[[], Any]]] = {
    "world_rows": build_world,
    "world_rows_with_tokens": build_world_with_tokens,
    "crowd_rows": build_crowd,
    "many_people_rows": build_many_people,
}


@pytest.fixture(scope="session")
def shared_rows(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[SharedRows]:
    rows = SharedRows()
    yield rows
    with django_db_blocker.unblock():
        rows.discard()


@pytest.fixture
def rows_of_test(
    request: pytest.FixtureRequest,
    shared_rows: SharedRows,
    django_db_blocker: pytest_django.DjangoDbBlocker,
) -> Any:
    """Return what the builder of the test's shared rows returned; without such, there are none."""
    mark = request.node.get_closest_marker("rows")
    build = mark.kwargs["build"] if mark else _shared_builder(request.fixturenames)
    with django_db_blocker.unblock():
        return shared_rows.get(build)


def _shared_builder(fixtures: Iterable[str]) -> Callable[[], Any] | None:
    return next((SHARED[name] for name in fixtures if name in SHARED), None)


@pytest.fixture
def _django_db_helper(rows_of_test: Any, _django_db_helper: None) -> None:
    """Have pytest-django begin the transaction of a test after that of its shared rows."""


@pytest.fixture
def world_rows(rows_of_test: WorldRows) -> WorldRows:
    return rows_of_test


@pytest.fixture
def world_rows_with_tokens(rows_of_test: WorldRows) -> WorldRows:
    return rows_of_test


@pytest.fixture
def crowd_rows(rows_of_test: CrowdRows) -> CrowdRows:
    return rows_of_test


@pytest.fixture
def many_people_rows(rows_of_test: None) -> None:
    """Request the shared rows of `many_people`."""


@pytest.fixture
def cast_of_rows(rows_of_test: Any) -> dict[str, User]:
    """Return the cast's users among the shared rows."""
    return rows_of_test.cast if isinstance(rows_of_test, CrowdRows) else {}


@pytest.fixture
def alice(db: None, cast_of_rows: dict[str, User]) -> User:
    return cast_of_rows.get("alice") or make_user("alice", name="Alice Archer")


@pytest.fixture
def bob(db: None) -> User:
    return make_user("bob", name="Bob Baker", is_public=True)


@pytest.fixture
def charlie(db: None) -> User:
    return make_user("charlie", name="Charlie Cook")


@pytest.fixture
def sam(db: None, cast_of_rows: dict[str, User]) -> User:
    return cast_of_rows.get("sam") or make_user("sam", is_staff=True)


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
def world(world_rows: WorldRows, db: None, executor: Executor, settings: Any) -> World:
    settings.SECOND_FACTOR = "all"
    return World(executor, world_rows)


@pytest.fixture
def world_with_tokens(
    world_rows_with_tokens: WorldRows, db: None, executor: Executor, settings: Any
) -> World:
    settings.SECOND_FACTOR = "all"
    return World(executor, world_rows_with_tokens)


@pytest.fixture
def clubs(sam: User) -> list[Organization]:
    """Return organisations of one, three, eight and four; Sam is the first member of each."""
    people = [make_user(f"person-{number}") for number in range(7)]
    return [
        make_organization(f"Club {number}", sam, *people[: number - 1]) for number in (1, 3, 8, 4)
    ]


@pytest.fixture
def crowd(crowd_rows: CrowdRows, db: None) -> dict[str, str]:
    """Return the ids of 30 shared users and a row of everything, by name."""
    return crowd_rows.ids


@pytest.fixture
def many_people(many_people_rows: None, db: None) -> None:
    """Have thousands of users, and statistics about them."""


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
    """Decode images by a program of this process's own.

    One of them runs at a time in a pod, and processes of the tests are not of one pod.
    """
    program = shutil.copy(images.PROGRAM, tmp_path_factory.mktemp("decoder"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "PROGRAM", Path(program))
        # On a busy machine, decoding may exceed the default; its CPU time is limited as well.
        patch.setattr(images, "WALL_SECONDS", 120)
        yield


@pytest.fixture
def upload(
    client_of: Callable[[User], GraphQLClient], alice: User, media: Path
) -> Callable[..., Answer]:
    """Upload an avatar as Alice."""
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
def empty_cache() -> None:
    """Start each test with an empty cache and full budgets."""
    cache.clear()
    CLIENTS.clear()


@pytest.fixture(autouse=True)
def many_threads(settings: Any) -> None:
    """Refuse no expensive work: tests have more threads than a web process."""
    settings.WEB_THREADS = 64


@pytest.fixture(autouse=True)
def no_context_of_logs() -> Iterator[None]:
    """End what the test binds to log lines; a worker does so after each task."""
    yield
    clear_contextvars()


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
    settings.EMAIL_BACKEND = "core.email.smtp.EmailBackend"
    smtp_server.reset()
    return smtp_server


@pytest.fixture(scope="session")
def workers(django_db_setup: None) -> Iterator[Workers]:
    with Workers(environ_of_tests()) as workers:
        yield workers


@pytest.fixture
def worker(transactional_db: None, mails: Sink, workers: Workers) -> Iterator[Sink]:
    """A worker at work on committed data; yields where its mails arrive.

    It ends with the test, because it would hold locks while the tables are emptied.
    """
    with workers.running():
        yield mails


@pytest.fixture(scope="session")
def broker_channel() -> Iterator[Channel]:
    """A connection to this process's broker, for what each test does there."""
    with current_app.connection_for_write() as connection_:
        yield cast("Channel", connection_.default_channel)


@pytest.fixture(autouse=True)
def _purge_queue(broker_channel: Channel) -> Iterator[None]:
    """Purge messages, so that the next test's worker does not run them."""
    yield
    assert nudger.flush(20)
    channel = broker_channel
    for queue in current_app.amqp.queues.consume_from:
        channel.queue_purge(queue)
    # What a killed worker has not acknowledged, and its lock on that.
    channel.client.delete(channel.unacked_key, channel.unacked_index_key, channel.unacked_mutex_key)
