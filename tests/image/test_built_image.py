"""The image is built, and serves a sign-in on a read-only root file system.

`make test-image` runs this. It takes minutes when the Dockerfile or a copied file has changed.
"""

import json
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import yaml
from aiosmtpd.controller import Controller

from core.dev.embedded import _redis_executable
from core.dev.ports import free_port
from tests.image.built import Image, build, megabytes, mounted
from tests.support.factories import PASSWORD
from tests.support.postgres_servers import HOST, PostgresServer, postgres_server
from tests.support.sink import Sink
from tests.support.waiting import wait_until
from tests.system.cluster import connects, fetch
from tests.system.dockerfile import Dockerfile
from tests.system.repository import text

# What the image may have besides its base.
MAX_MEGABYTES: Final = 180
USER: Final = 10_001
LOG_IN: Final = """mutation ($login: String!, $password: String!) {
  logIn(input: {login: $login, password: $password}) { accessToken errors { code } }
}"""
RESET: Final = """mutation ($email: String!) {
  requestPasswordReset(input: {email: $email}) { errors { code } }
}"""


@pytest.fixture(scope="module")
def name() -> str:
    return build()


@pytest.fixture(scope="module")
def image(name: str) -> Iterator[Image]:
    with mounted(name) as image:
        yield image


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    port = free_port()
    command = [_redis_executable(), "--bind", HOST, "--port", str(port), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: connects(port), "Redis")
    yield port
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def mails() -> Iterator[tuple[Sink, int]]:
    sink, port = Sink(), free_port()
    server = Controller(sink, hostname=HOST, port=port)
    server.start()
    yield sink, port
    server.stop()


@pytest.fixture(scope="module")
def environ(database: PostgresServer, redis_port: int, mails: tuple[Sink, int]) -> dict[str, str]:
    return {
        "SECRET_KEY": "k" * 50,
        "ALLOWED_HOSTS": HOST,
        "PUBLIC_URL": f"http://{HOST}",
        "DATABASE_URL": database.url("roster", "roster"),
        "REDIS_URL": f"redis://{HOST}:{redis_port}",
        "EMAIL_URL": f"smtp://{HOST}:{mails[1]}",
        "MEDIA_ROOT": "/media",
    }


@pytest.fixture(scope="module")
def migrated(image: Image, environ: dict[str, str], database: PostgresServer) -> None:
    owner = {"MIGRATION_DATABASE_URL": database.url("roster_owner", "roster")}
    migrate = image.run("python", "manage.py", "migrate", "--no-input", **environ, **owner)
    assert migrate.returncode == 0, migrate.stderr
    create = ("create_administrator", "--email", "root@example.org", "--username", "root")
    password = {"ADMINISTRATOR_PASSWORD": PASSWORD}
    created = image.run("python", "manage.py", *create, **environ, **password)
    assert created.returncode == 0, created.stderr


def send(port: int, query: str, **variables: str) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    response, answer = fetch(port, "POST", "/graphql", body, Content_Type="application/json")
    assert response.status == 200, answer
    return json.loads(answer)["data"]


def compose_command(service: str) -> list[str]:
    command: list[str] = yaml.safe_load(text("compose.yaml"))["services"][service]["command"]
    return command


def processes_of(container: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """Return a container's processes, without those that make its namespaces."""
    return [
        each
        for each in psutil.Process(container.pid).children(recursive=True)
        if each.name() not in {"unshare", "sh"}
    ]


def test_size_is_stated_and_bounded(name: str) -> None:
    whole = megabytes(name)
    base = megabytes(Dockerfile(text("Dockerfile")).bases[""])
    print(f"\nThe image has {whole} MB, {base} of them of its base.")  # noqa: T201
    assert whole - base < MAX_MEGABYTES


def test_a_user_signs_in_and_gets_a_mail(
    image: Image,
    environ: dict[str, str],
    migrated: None,
    mails: tuple[Sink, int],
    tmp_path: Path,
) -> None:
    port = free_port()
    web_log = tmp_path / "web"
    with ExitStack() as stack:
        web = stack.enter_context(
            image.running(web_log, **environ, BIND=f"{HOST}:{port}", WEB_CONCURRENCY="1")
        )
        workers = [
            stack.enter_context(image.running(tmp_path / each, *compose_command(each), **environ))
            for each in ("worker-mail", "beat")
        ]

        def is_ready() -> bool:
            assert web.poll() is None, web_log.read_text(encoding="utf-8")
            return connects(port) and fetch(port, "GET", "/readyz")[0].status == 200

        wait_until(is_ready, "the image's web server", seconds=90)
        found = send(port, LOG_IN, login="root", password=PASSWORD)["logIn"]
        assert found["errors"] == []
        assert found["accessToken"]
        assert send(port, RESET, email="root@example.org")["requestPasswordReset"]["errors"] == []
        assert mails[0].next(timeout=90)["To"] == "root@example.org"

        for container in (web, *workers):
            running = processes_of(container)
            assert running
            assert {uid for each in running for uid in each.uids()} == {USER}
        [(_cmd, *probe)] = [image.config["Healthcheck"]["Test"]]
        checked = image.run(*[word.replace(":8000", f":{port}") for word in probe])
        assert checked.returncode == 0, checked.stderr

        assert fetch(port, "GET", "/static/admin/css/base.css")[0].status == 200
        assert fetch(port, "GET", "/graphql", Accept="text/html")[0].status == 200

        [gunicorn, *_others] = processes_of(web)
        gunicorn.send_signal(getattr(signal, image.config["StopSignal"]))
        assert web.wait(timeout=40) == 0


def test_root_file_system_is_read_only(image: Image) -> None:
    for path in ("/app/core/settings.py", "/venv/bin/x", "/x"):
        refused = image.run("sh", "-c", f"echo x > {shlex.quote(path)}")
        assert refused.returncode != 0
        assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr
    for path in ("/tmp/x", "/files/x", "/media/x"):  # noqa: S108 - in the container
        assert image.run("sh", "-c", f"echo x > {path}").returncode == 0


def test_image_has_no_build_tools_and_no_secrets(image: Image) -> None:
    for program in ("pip", "node", "npm", "pybabel"):
        assert image.run("sh", "-c", f"command -v {program}").returncode != 0
    assert not any("SECRET" in variable for variable in image.config["Env"])
    missing = image.run("python", "manage.py", "check")
    assert missing.returncode == 1
    assert missing.stderr.strip() == "SECRET_KEY: is required; see docs/configuration.md"
