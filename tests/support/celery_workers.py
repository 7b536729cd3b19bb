"""Real Celery workers on the test database, forked from a process with the service imported.

Otherwise each test of the worker would spend seconds on importing it.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Self

import django
from celery import current_app
from celery.bin.celery import main as celery
from django.core.checks import run_checks
from django.db import connection

OPTIONS: Final = (
    *("-A", "core", "--quiet", "worker", "--concurrency", "1", "--loglevel", "ERROR"),
    *("--without-mingle", "--without-gossip"),
)
# The length of a process id as text.
LONGEST_MESSAGE: Final = 20
STOPPED: Final = b"stopped"
SECONDS_TO_STOP: Final = 10
# PostgreSQL's `application_name` of the workers' connections.
NAME: Final = "tests.worker"
CONNECTED: Final = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE application_name = %s AND datname = current_database()
    )
"""


class Workers:
    """Starts workers one at a time, each in a new process.

    Where there are several of this class, each has a name, by which its connections are known.
    """

    def __init__(self, environ: Mapping[str, str], *arguments: str, name: str = NAME) -> None:
        self._name = name
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", __name__, str(theirs.fileno()), *arguments],
                env={**environ, "PGAPPNAME": name},
                pass_fds=[theirs.fileno()],
            )

    @contextmanager
    def running(self) -> Iterator[int]:
        """Run a worker within the block, with this process's output; yield its id.

        The block may kill it. At its end, the worker is killed, because Celery takes seconds to
        stop, and PostgreSQL has ended what it executed.
        """
        socket.send_fds(self._socket, [b"start"], [1, 2])
        self._socket.settimeout(180)
        pid = int(self._socket.recv(LONGEST_MESSAGE))
        try:
            yield pid
        finally:
            self._kill(pid)

    def _kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        self._socket.settimeout(SECONDS_TO_STOP)
        assert self._socket.recv(LONGEST_MESSAGE) == STOPPED
        deadline = time.monotonic() + SECONDS_TO_STOP
        while is_connected(self._name):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()
        self._process.wait(timeout=60)


def is_connected(name: str = NAME) -> bool:
    """Return whether a worker has a connection to the database of the tests."""
    with connection.cursor() as cursor:
        cursor.execute(CONNECTED, [name])
        (found,) = cursor.fetchone()
    return bool(found)


def serve(requests: socket.socket, arguments: Sequence[str]) -> None:
    """Fork a worker per request, which sends its process id; send its end."""
    while True:
        message, files, _flags, _address = socket.recv_fds(requests, LONGEST_MESSAGE, 2)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            # So that it can be killed with its children.
            os.setpgid(0, 0)
            requests.send(str(os.getpid()).encode())
            requests.close()
            for number, file in enumerate(files, start=1):
                os.dup2(file, number)
            sys.argv = ["celery", *OPTIONS, *arguments]
            sys.exit(celery())
        for file in files:
            os.close(file)
        os.waitpid(pid, 0)
        requests.send(STOPPED)


if __name__ == "__main__":
    django.setup()
    # The imports of a worker, for its tasks and its system checks.
    current_app.loader.import_default_modules()
    run_checks()
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
