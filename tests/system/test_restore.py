"""A back-up is restored to a point in time, as `docs/runbook/backup.md` says."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from core.configuration.services import ServiceEnvironment
from tests.privacy.test_deletion import make_due, schedule
from tests.support.canaries import BIO, EMAIL, NAME, TEXTS, USERNAME, in_database
from tests.support.client import GraphQLClient
from tests.support.factories import make_user
from tests.support.postgres_servers import PostgresServer, run_program, server_directory
from tests.support.signing_in import log_in_by_cookie
from tests.support.waiting import wait_until
from users.accounts.models import User
from users.activity.tasks import seal_events
from users.privacy.services.erasure import erase_user

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

POINT: Final = "before the accident"
UPDATE: Final = """mutation ($bio: String!) {
  updateProfile(input: {bio: $bio}) { user { profile { bio } } errors { code } }
}"""
READ: Final = "{ me { profile { bio } } }"


@contextmanager
def working_on(server: PostgresServer) -> Iterator[None]:
    """Have this process work on the server's database, as its owner, within the block."""
    environ = {"URL": server.url("roster_owner", "roster")}
    before = connection.settings_dict
    connection.close()
    connection.settings_dict = before | ServiceEnvironment(environ).database("URL")
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = before
        cache.clear()


def output_of(*command: str) -> str:
    output = StringIO()
    call_command(*command, stdout=output)
    return output.getvalue()


def write_bio(client: GraphQLClient, bio: str) -> None:
    assert client(UPDATE, bio=bio).problems == []


def archived_server(directory: Path) -> PostgresServer:
    """Return a running server that archives its log, with a copy of the tests' database."""
    server = PostgresServer(directory, "primary")
    server.initialize()
    archive = directory / "archive"
    archive.mkdir()
    shutil.copystat(server.pgdata, archive)
    shutil.chown(archive, server.pgdata.owner(), server.pgdata.group())
    server.set_offline(archive_mode="on", archive_command=f"cp %p {archive}/%f")
    server.start()
    server.create_roles()
    server.copy_test_database()
    return server


def test_a_point_in_time_is_restored_and_erasures_are_repeated(tmp_path: Path) -> None:
    with server_directory() as directory:
        primary, restored = archived_server(directory), PostgresServer(directory, "restored")
        try:
            with working_on(primary):
                make_user("alice")
                canary = make_user(USERNAME, email=EMAIL, name=NAME)
                write_bio(log_in_by_cookie(USERNAME), BIO)
                seal_events()
                head = output_of("verify_audit").split()[-1]
                # The base back-up.
                url = primary.url("postgres", "postgres")
                run_program("pg_basebackup", "-D", restored.pgdata, "-d", url, "-c", "fast")

                alice = log_in_by_cookie("alice")
                write_bio(alice, "from the log")
                with primary.connect() as administrator:
                    administrator.execute("SELECT pg_create_restore_point(%s)", [POINT])
                write_bio(alice, "the accident")
                schedule(canary)
                make_due(canary)
                erase_user(canary.pk)
                assert in_database(TEXTS) == set()
                erasures = tmp_path / "erasures"
                erasures.write_text(output_of("erasures", "list"), encoding="utf-8")
                archive(primary)
            primary.kill()

            restored.recover(directory / "archive", POINT)
            with working_on(restored):
                assert User.objects.get(pk=canary.pk).erased_at is None
                assert in_database(TEXTS) != set()
                assert output_of("erasures", "repeat", str(erasures)).startswith("erased: 1, ")
                assert in_database(TEXTS) == set()

                # The session from after the back-up is in the log, too; and signing in works.
                for client in (alice, log_in_by_cookie("alice")):
                    assert client(READ).data["me"]["profile"]["bio"] == "from the log"
                seal_events()
                assert "not yet sealed: 0" in output_of("verify_audit", "--head", head)
        finally:
            primary.kill()
            restored.kill()


def archive(server: PostgresServer) -> None:
    """Archive all that was committed."""
    with server.connect() as administrator:
        switch = "SELECT pg_walfile_name(pg_switch_wal())"
        [[segment]] = administrator.execute(switch).fetchall()

        def is_archived() -> bool:
            rows = administrator.execute("SELECT last_archived_wal FROM pg_stat_archiver")
            [[last]] = rows.fetchall()
            return last is not None and last >= segment

        wait_until(is_archived, "archive")
