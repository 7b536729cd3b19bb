"""Gives each pytest process its own Redis databases and SMTP port before settings load.

Loaded with `-p`, because pytest-django loads the settings before any conftest.
"""

import os
import tempfile
from urllib.parse import urlsplit

from core.dev.ports import free_port

# On a busy machine Redis may exceed the service's timeouts, after which it falls back.
PATIENCE = "socket_timeout=10&socket_connect_timeout=10"


def _redis_urls(base: str, number: int) -> tuple[str, str]:
    """Return the URLs of two unused Redis databases, for the cache and the broker."""
    cache, broker = 2 * number, 2 * number + 1
    path = urlsplit(base).path
    if base.startswith("unix://"):
        return (
            f"unix://{path}?db={cache}&{PATIENCE}",
            f"redis+socket://{path}?virtual_host={broker}",
        )
    server = base.rstrip("/")
    return f"{server}/{cache}?{PATIENCE}", f"{server}/{broker}"


_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_cache, _broker = _redis_urls(os.environ["REDIS_URL"], _worker)
os.environ["REDIS_URL"] = _cache
os.environ["CELERY_BROKER_URL"] = _broker
# Deleted when the process ends.
_files = tempfile.TemporaryDirectory(prefix="roster-files-")
os.environ["PRIVATE_FILES_DIR"] = _files.name
os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{free_port()}"
# A busy machine may exceed the default; tests of the deadline set their own.
os.environ.setdefault("REQUEST_DEADLINE_MS", "120000")
