"""`make run` with its own servers and data leaves no processes behind."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client

from core.dev.ports import free_port
from core.dev.supervisor import OWNER
from tests.support.client import HTTPClient
from tests.support.demo import TIMEOUT, demo, processes_of
from tests.support.factories import PASSWORD, make_user
from users.accounts.models import User
from users.demo.management.commands import seed, welcome

SIGN_UP = "mutation ($i: SignUpInput!) { signUp(input: $i) { errors { code } } }"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that is empty for the first demo, and then holds its databases.

    Creating them takes most of a demo's start.
    """
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def port() -> int:
    return free_port()


def celery_processes(data_dir: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if (process.info["environ"] or {}).get(OWNER) == str(data_dir)
        and "celery" in (process.info["cmdline"] or [])
    ]


def run_module(
    name: str, data_dir: Path, *arguments: str, port: int | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a module of `core.dev`."""
    settings = {"DATA_DIR": str(data_dir)} | ({"PORT": str(port)} if port else {})
    return subprocess.run(
        [sys.executable, "-m", f"core.dev.{name}", *arguments],
        env={"PATH": os.environ["PATH"]} | settings | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def get(port: int, path: str, accept: str = "text/html") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as response:
        text: str = response.read().decode()
        return text


def test_runs_stops_and_survives_a_kill(data_dir: Path, port: int) -> None:
    client = HTTPClient(f"http://127.0.0.1:{port}")
    log_in = """mutation ($password: String!) {
      logIn(input: {login: "ada", password: $password}) { accessToken errors { code } }
    }"""

    with demo(data_dir, port, DEMO_PASSWORD="a password for show") as running:
        welcome = running.wait_until_ready()
        assert f"http://localhost:{port}/graphql" in welcome
        assert "a password for show" in welcome
        assert get(port, "/readyz") == "ok\n"
        assert "Roster" in get(port, "/graphql")

        signed_in = client(log_in, password="a password for show").data["logIn"]
        client.headers["Authorization"] = f"Bearer {signed_in['accessToken']}"
        page = client("{ users(first: 100) { pageInfo { hasNextPage } } me { isSuperuser } }").data
        assert page == {"users": {"pageInfo": {"hasNextPage": True}}, "me": {"isSuperuser": True}}

        for name in ("dora", "emil"):
            sign_up = {
                "email": f"{name}@example.org",
                "username": name,
                "password": "a long phrase",
            }
            client(SIGN_UP, i=sign_up)
            deadline = time.monotonic() + TIMEOUT
            while f"{name}@example.org" not in get(port, "/dev/mail/"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            # Workers and Beat are started again.
            for process in celery_processes(data_dir):
                process.kill()

        manifest = data_dir / "manifest.json"
        manifest.write_text(json.dumps({"me-1": "{ me { username } }"}), encoding="utf-8")
        managed = run_module("manage", data_dir, "trust_documents", str(manifest))
        assert managed.stdout == "Trusted 1 documents; 0 were trusted before.\n"
        trusted = json.loads(get(port, "/graphql?documentId=me-1", accept="application/json"))
        assert trusted == {"data": {"me": None}}

        arguments = ("adopt", "--as", "ada")
        managed = run_module("manage", data_dir, *arguments, ADOPT_DATABASE_URL="mysql://x")
        assert managed.stderr.startswith("CommandError: Only PostgreSQL is read: ")

        second = run_module("demo", data_dir, port=port)
        assert second.stderr == "DATA_DIR: is in use by another `make run`\n"

        running.process.kill()
        running.process.wait()

    with demo(data_dir, port) as running:
        running.wait_until_ready()
        assert client("{ me { username } }").data == {"me": {"username": "ada"}}
        assert "dora@example.org" in get(port, "/dev/mail/")
        del client.headers["Authorization"]
        refused = client(log_in, password="a password for show").data["logIn"]
        assert [error["code"] for error in refused["errors"]] == ["CREDENTIALS_INVALID"]

        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=TIMEOUT) == 0
    assert processes_of(data_dir) == []


def test_commands_require_a_running_demo(tmp_path: Path) -> None:
    managed = run_module("manage", tmp_path, "check")
    assert managed.returncode == 1
    problem = f"no demo uses {tmp_path}; start it with `make run`"
    assert managed.stderr == f"make manage: {problem}\n"


def test_welcome_does_not_wait_for_the_next_line() -> None:
    buffer = io.BytesIO()
    with io.TextIOWrapper(buffer) as output:
        call_command(welcome.Command(), stdout=output)
        assert b"Ctrl-C stops everything" in buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("PORT", "http", "must be a whole number"),
        ("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x", "cannot be reached"),
        ("REDIS_URL", "redis://127.0.0.1:1", "cannot be reached"),
        ("CELERY_BROKER_URL", "redis://127.0.0.1:1", "cannot be reached"),
        ("EMAIL_URL", "mail.example.org", "must be a URL that begins with smtp"),
        ("DEMO_PASSWORD", "short", "must have at least 12 characters"),
        ("DATA_DIR", "/proc/roster", "cannot be used"),
    ],
)
def test_invalid_variable_exits_with_one_line(
    data_dir: Path, port: int, name: str, value: str, problem: str
) -> None:
    with demo(data_dir, port, **{name: value}) as running:
        assert running.process.wait(timeout=TIMEOUT) == 1

    (line,) = running.output.splitlines()
    assert line.startswith(f"{name}: {problem}")
    assert "hunter2" not in line
    assert processes_of(data_dir) == []


def test_busy_port_is_reported(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        number = busy.getsockname()[1]
        with demo(data_dir, number) as running:
            assert running.process.wait(timeout=TIMEOUT) == 1

    assert running.output.startswith(f"PORT: {number} cannot be used")


def test_sigterm_stops_all_processes(data_dir: Path, port: int) -> None:
    with demo(data_dir, port) as running:
        running.wait_until_ready()
        children = psutil.Process(running.process.pid).children(recursive=True)
        environs = [child.environ() for child in children]
        assert [environ for environ in environs if "DATABASE_URL" in environ]
        assert not [environ for environ in environs if "MIGRATION_DATABASE_URL" in environ]
        running.process.terminate()
        assert running.process.wait(timeout=TIMEOUT) == 0
    assert processes_of(data_dir) == []


@pytest.mark.django_db
def test_database_with_users_is_not_seeded() -> None:
    ada = make_user("ada", email="ada@company.example")

    call_command(seed.Command(), if_empty=True)

    assert list(User.objects.values_list("username", "is_superuser")) == [("ada", False)]
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_missing_console_bundle_is_explained(client: Client, settings: Any) -> None:
    settings.STATICFILES_DIRS = [settings.BASE_DIR / "core" / "static"]

    page = client.get("/graphql", headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert "make console" in page.content.decode()


@pytest.mark.django_db
def test_inbox_and_demo_accounts_exist_in_the_demo_only(client: Client) -> None:
    assert client.get("/dev/mail/").status_code == 404
    page = client.get("/graphql", headers={"Accept": "text/html"}).content.decode()
    assert "roster-demo" not in page
    assert not apps.is_installed("users.demo")
    with pytest.raises(CommandError, match="Unknown command"):
        call_command("seed")
