"""Gunicorn's configuration, for `make run`, the image and the tests.

Gunicorn loads it from the working directory. `docs/deployment.md` lists its variables.
"""

import os
import select
from pathlib import Path
from typing import Any

from core.configuration.env import Environment
from core.configuration.logs import log_format
from core.forks import share_objects
from core.server.memory import limit_memory
from core.telemetry.prometheus_dir import make_metrics_directory

env = Environment(os.environ)
shared_memory = Path("/dev/shm")  # noqa: S108 - gunicorn creates private files there

wsgi_app = "core.wsgi:application"
# Load before forking, so that an invalid setting ends the process with one line; a worker would be
# restarted endlessly.
preload_app = True

port = env.number("PORT", 8000, minimum=1, maximum=65_535)
bind = env.text("BIND", default=f"127.0.0.1:{port}")

# Every thread holds a database connection, so pods x workers x threads must be below PostgreSQL's
# limit. Gunicorn's own worker is for development on systems without epoll(7).
worker = env.choice(
    "WEB_WORKER", "epoll", "gthread", default="epoll" if hasattr(select, "epoll") else "gthread"
)
worker_class = "core.server.worker.Worker" if worker == "epoll" else "gthread"
workers = env.number("WEB_CONCURRENCY", 2, minimum=1, maximum=64)
threads = env.number("WEB_THREADS", 4, minimum=1, maximum=64)

# Longer than NGINX's keepalive_timeout of 60 seconds, so that NGINX closes idle connections first.
# Otherwise NGINX may send a request on a connection that is closing, and must not retry a POST.
keepalive = 75
# From SIGTERM to the end of the last request; the process manager must wait longer.
graceful_timeout = 30

# Heartbeat files must not block on a disk.
worker_tmp_dir = str(shared_memory) if shared_memory.is_dir() else None
control_socket_disable = True


# The last resort against a process that exceeds all other limits of memory.
memory = env.number("WEB_MEMORY_MB", 600, minimum=0, maximum=65_536)


def on_starting(_server: object) -> None:
    """Let workers share what is preloaded; before connections are accepted, as that takes long."""
    share_objects()


def post_fork(_server: object, _worker: object) -> None:
    """Limit the memory of a worker."""
    limit_memory(memory)


def post_worker_init(worker: Any) -> None:
    """Warm a worker up before it accepts connections, and begin to report metrics."""
    # Imported here, because both read PROMETHEUS_MULTIPROC_DIR.
    from core.telemetry.web_process import begin_reporting  # noqa: PLC0415

    if worker.app.app_uri.startswith("core.wsgi"):
        from core.web.warm_up import warm_up  # noqa: PLC0415

        warm_up(worker.wsgi)
    begin_reporting(threads)


def worker_exit(_server: object, _worker: object) -> None:
    """Add the metrics of the last second."""
    # Imported here, as above.
    from core.telemetry.requests import flush  # noqa: PLC0415

    flush()


def child_exit(_server: object, worker: Any) -> None:
    """Remove the gauges of a worker that ended; its counters remain."""
    # Imported here, because it reads PROMETHEUS_MULTIPROC_DIR.
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


# As NGINX's limit for a request line (`large_client_header_buffers`).
limit_request_line = 8190
# Proxies whose X-Forwarded-Proto is trusted. No header may set SCRIPT_NAME or PATH_INFO.
forwarded_allow_ips = env.text("FORWARDED_ALLOW_IPS", default="127.0.0.1,::1")
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""

accesslog = "-" if env.flag("WEB_ACCESS_LOG", default=True) else None
# A line of JSON for each request; with LOG_FORMAT=console, gunicorn's own by the format below.
is_json = log_format(env, is_demo=env.flag("DEMO", default=False)) == "json"
logger_class = "core.server.access_log.JsonLogger" if is_json else "gunicorn.glogging.Logger"
# Logs the path without the query string, which in a GET contains the document and its variables.
# Logs the request id of the response, because that of the request may be forged
# (core/request_id.py).
access_log_format = '%(t)s %({x-request-id}o)s %(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)sms'

# Shared by all workers, so that any of them can report the counters of all to Prometheus. Set now,
# because the logger imports `prometheus_client` before gunicorn sets `raw_env`.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = make_metrics_directory(worker_tmp_dir)
