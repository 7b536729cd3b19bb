"""How gunicorn serves Roster, in `make run`, in the image and in the tests.

gunicorn finds this file in the directory it is started from. `docs/deployment.md` lists the
variables it reads.
"""

import atexit
import fcntl
import os
import select
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from core.env import Environment


class Worker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker that stops listening when it is told to stop.

    gunicorn's own keeps its socket open while it ends the connections it has, and never looks
    at it again: what NGINX connects and sends meanwhile is lost when the socket closes at
    last, and a POST cannot be repeated. Here the waiting connections are taken and answered,
    and later ones are refused, so that NGINX tries the next replica.
    """

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Begin or end to accept connections; for good once the worker is to stop."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                while select.select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()


env = Environment(os.environ)
shared_memory = Path("/dev/shm")  # noqa: S108 - a directory gunicorn makes its own files in

wsgi_app = "core.wsgi:application"
# Loaded once before the workers fork: a bad setting then ends the process with its one line,
# where a worker would be started again and again.
preload_app = True

port = env.number("PORT", 8000, minimum=1, maximum=65_535)
bind = env.text("BIND", default=f"127.0.0.1:{port}")

# Every thread keeps a database connection: pods x workers x threads must fit PostgreSQL.
worker_class = Worker
workers = env.number("WEB_CONCURRENCY", 2, minimum=1, maximum=64)
threads = env.number("WEB_THREADS", 4, minimum=1, maximum=64)

# Longer than the 60 seconds for which NGINX keeps an idle connection to us, so that NGINX is
# the one to close it. The other way round it may send a request into a closing connection,
# and must not repeat that request elsewhere if it is a POST.
keepalive = 75
# From SIGTERM to the end of the last request; what stops us must wait longer than this.
graceful_timeout = 30

# The heartbeat files belong on a file system that never waits for a disk.
worker_tmp_dir = str(shared_memory) if shared_memory.is_dir() else None
control_socket_disable = True


def _metrics_dir() -> str:
    """Make a directory that goes with this process, and remove what killed ones left behind.

    Master and workers hold a lock on theirs; one that was just made may not be locked yet.
    """
    prefix = "roster-metrics-"
    for left in Path(worker_tmp_dir or tempfile.gettempdir()).glob(f"{prefix}*"):
        # It may be in use, somebody else's, or be removed by another at the same time.
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 60:  # noqa: PLR2004 - a minute
                _lock(left)
                shutil.rmtree(left)
    directory = tempfile.mkdtemp(prefix=prefix, dir=worker_tmp_dir)
    _lock(Path(directory))
    atexit.register(_remove, directory, os.getpid())
    return directory


def _lock(directory: Path) -> None:
    """Lock until this process and all that it forks have ended. Raises `OSError` if another has."""
    fcntl.flock(os.open(directory, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove(directory: str, owner: int) -> None:
    """Remove what one process made; those that it forked end by the same code."""
    if os.getpid() == owner:
        shutil.rmtree(directory)


# All workers keep their counters there, so that any of them can tell the sums (core/metrics.py).
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_metrics_dir()}"]

# What NGINX accepts in a request line (`large_client_header_buffers`).
limit_request_line = 8190
# Whose X-Forwarded-Proto is believed. No header may set SCRIPT_NAME or PATH_INFO.
forwarded_allow_ips = env.text("FORWARDED_ALLOW_IPS", default="127.0.0.1,::1")
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""

# The path without the query string: a GET carries its document and variables there.
accesslog = "-" if env.flag("WEB_ACCESS_LOG", default=True) else None
access_log_format = '%(t)s %({x-request-id}i)s %(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)sms'
