"""Log-ins per second of one process: `make bench-log-in`.

Serves an empty database with gunicorn, signs people in over HTTP by username and password from
several connections at once, and prints the rate beside that of the password hash alone, which
is what a log-in mostly costs. Both run on the same machine in the same minute.
"""

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import django
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import call_command

from core.embedded import services

PEOPLE: Final = 200
SECONDS: Final = 10
CONNECTIONS: Final = 4
PASSWORD: Final = "a phrase to remember"  # noqa: S105 - of people who last a minute
DOCUMENT: Final = """
    mutation ($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password}) { accessToken errors { code } }
    }
"""


def main() -> int:
    """Measure, and print one line for each rate."""
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        # The embedded PostgreSQL runs as a user of its own.
        data_dir.chmod(0o755)
        with services(data_dir, os.environ) as urls:
            port = _free_port()
            os.environ.update(urls)
            os.environ.update(_environment(port))
            django.setup()
            _make_people()
            hashes = _hashes_per_second()
            with _server(port):
                log_ins = _log_ins_per_second(port)
    print(  # noqa: T201 - the result
        f"Argon2id {settings.ARGON2_MEMORY_KIB} KiB, {settings.ARGON2_PASSES} passes, 1 lane\n"
        f"{hashes:7.1f} passwords verified a second, by one thread\n"
        f"{log_ins:7.1f} log-ins a second, by one process of {CONNECTIONS} threads"
    )
    return 0


def _environment(port: int) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": str(CONNECTIONS),
        "WEB_ACCESS_LOG": "0",
    }


def _make_people() -> None:
    from users.accounts.models import Profile, User  # noqa: PLC0415 - needs django.setup()

    call_command("migrate", verbosity=0)
    password = make_password(PASSWORD)
    people = User.objects.bulk_create(
        User(username=f"person{number}", email=f"{number}@example.org", password=password)
        for number in range(PEOPLE)
    )
    Profile.objects.bulk_create(Profile(user=user) for user in people)


def _hashes_per_second() -> float:
    encoded = make_password(PASSWORD)
    started = time.perf_counter()
    for done in count(1):
        check_password(PASSWORD, encoded)
        elapsed = time.perf_counter() - started
        if elapsed > SECONDS / 2:
            return done / elapsed
    raise AssertionError


@contextmanager
def _server(port: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", "core.wsgi"])
    try:
        while not _listens(port):
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _log_ins_per_second(port: int) -> float:
    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        clients = [pool.submit(_log_in_until, deadline, port, n) for n in range(CONNECTIONS)]
        return sum(client.result() for client in clients) / SECONDS


def _log_in_until(deadline: float, port: int, client: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for done in count():
        if time.monotonic() >= deadline:
            return done
        login = f"person{(client + done * CONNECTIONS) % PEOPLE}"
        body = {"query": DOCUMENT, "variables": {"login": login, "password": PASSWORD}}
        connection.request(
            "POST", "/graphql", json.dumps(body), {"Content-Type": "application/json"}
        )
        answer = json.load(connection.getresponse())
        if not answer["data"]["logIn"]["accessToken"]:
            raise SystemExit(f"a log-in was refused: {answer}")
    raise AssertionError


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
