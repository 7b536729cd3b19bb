"""How gunicorn serves Roster, in `make run`, in the image and in the tests.

gunicorn finds this file in the directory it is started from. `docs/deployment.md` lists the
variables it reads.
"""

import gc
import os
import select
from pathlib import Path

from core.configuration.env import Environment
from core.server.memory import limit_memory
from core.server.prometheus_dir import make_metrics_directory

env = Environment(os.environ)
shared_memory = Path("/dev/shm")  # noqa: S108 - a directory gunicorn makes its own files in

wsgi_app = "core.wsgi:application"
# Loaded once before the workers fork: a bad setting then ends the process with its one line,
# where a worker would be started again and again.
preload_app = True

port = env.number("PORT", 8000, minimum=1, maximum=65_535)
bind = env.text("BIND", default=f"127.0.0.1:{port}")

# Every thread keeps a database connection: pods x workers x threads must fit PostgreSQL.
# Without epoll(7), which only Linux has, gunicorn's own does for trying things out.
worker = env.choice(
    "WEB_WORKER", "epoll", "gthread", default="epoll" if hasattr(select, "epoll") else "gthread"
)
worker_class = "core.server.worker.Worker" if worker == "epoll" else "gthread"
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


# The last resort of a process whose memory grows past all other bounds.
memory = env.number("WEB_MEMORY_MB", 600, minimum=0, maximum=65_536)


def post_fork(_server: object, _worker: object) -> None:
    """Bound the memory of a worker."""
    limit_memory(memory)


def when_ready(_server: object) -> None:
    """Leave what was loaded before the fork to itself.

    The garbage collector would look at a few hundred thousand objects again and again, and
    touching them would copy their pages into each worker.
    """
    gc.collect()
    gc.freeze()


# What NGINX accepts in a request line (`large_client_header_buffers`).
limit_request_line = 8190
# Whose X-Forwarded-Proto is believed. No header may set SCRIPT_NAME or PATH_INFO.
forwarded_allow_ips = env.text("FORWARDED_ALLOW_IPS", default="127.0.0.1,::1")
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""

# The path without the query string: a GET carries its document and variables there.
accesslog = "-" if env.flag("WEB_ACCESS_LOG", default=True) else None
# With the id that was answered: the one that came may not be believed (core/web/request_id.py).
access_log_format = '%(t)s %({x-request-id}o)s %(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)sms'

# Any worker is asked by Prometheus, and tells what all have counted.
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={make_metrics_directory(worker_tmp_dir)}"]
