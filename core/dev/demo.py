"""`make run`: the whole service on one machine, as a supervised group of processes.

1. Starts PostgreSQL and Redis (`core.dev.embedded`) unless their URLs are set.
2. Migrates the database, and seeds demo data if it is empty.
3. Runs gunicorn, a Celery worker, Celery Beat and an SMTP sink until one of them exits or a
   signal arrives, then stops them all.

Nothing else sets DEMO=1.
"""

import fcntl
import os
import secrets
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final, NoReturn

import django
import psutil
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from honcho.manager import Manager
from kombu.exceptions import OperationalError as BrokerError

from core.celery import app as celery_app
from core.configuration.env import BadSetting, Environment
from core.database.roles.owner import as_owner
from core.dev.embedded import EmbeddedError, services
from core.dev.ports import free_port

OWNER: Final = "ROSTER_SUPERVISED_IN"
STOP_TIMEOUT: Final = 10


def main() -> int:
    """Run the demo; return the exit status, 0 after a signal."""
    signal.signal(signal.SIGTERM, _stop)
    env = Environment(os.environ)
    port = env.number("PORT", 8000, minimum=1, maximum=65_535)
    data_dir = Path(env.text("DATA_DIR", ".data")).resolve()
    try:
        with _take_over_data_dir(data_dir), services(data_dir, os.environ) as urls:
            _configure(urls, data_dir, port)
            _prepare_database()
            return _supervise(data_dir, port)
    except (EmbeddedError, OSError) as error:
        raise SystemExit(f"make run: {error}") from None
    except KeyboardInterrupt:
        return 0


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def _take_over_data_dir(data_dir: Path) -> Iterator[None]:
    """Lock the directory, and end processes that a killed supervisor left behind."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "supervisor.lock").open("w")
    except OSError as error:
        raise BadSetting("DATA_DIR", f"cannot be used: {error.strerror}") from None
    with lock:
        try:
            # Children do not inherit a POSIX lock, so those that outlive us do not hold it.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadSetting("DATA_DIR", "is in use by another `make run`") from None
        leftovers = [
            process
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get(OWNER) == str(data_dir)
        ]
        _end(leftovers)
        yield


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.terminate()
    _gone, alive = psutil.wait_procs(processes, timeout=STOP_TIMEOUT)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=STOP_TIMEOUT)


def _configure(urls: dict[str, str], data_dir: Path, port: int) -> None:
    """Complete the environment of this process and its children."""
    _refuse_busy_port(port)
    os.environ.update(urls)
    os.environ.update({"DEMO": "1", "PORT": str(port), OWNER: str(data_dir)})
    os.environ.setdefault("BIND", f"127.0.0.1:{port}")
    os.environ.setdefault("PUBLIC_URL", f"http://localhost:{port}")
    os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
    os.environ.setdefault("SECRET_KEY", _secret_key(data_dir / "secret_key"))
    os.environ.setdefault("WEB_CONCURRENCY", "1")
    os.environ.setdefault("PRIVATE_FILES_DIR", str(data_dir / "files"))
    os.environ.setdefault("MEDIA_ROOT", str(data_dir / "media"))
    if not os.environ.get("EMAIL_URL"):
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{free_port()}"
        os.environ["DEMO_MAILBOX"] = str(data_dir / "mail")
    os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings"
    django.setup()


def _refuse_busy_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            problem = f"{port} cannot be used ({error.strerror}); try `make run PORT=8001`"
            raise BadSetting("PORT", problem) from None


def _secret_key(path: Path) -> str:
    """Return the demo's key; it is generated once, so that sessions survive restarts."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _prepare_database() -> None:
    for name, role in (("DATABASE_URL", nullcontext()), ("MIGRATION_DATABASE_URL", as_owner())):
        try:
            with role:
                connection.ensure_connection()
        except OperationalError as error:
            raise BadSetting(name, f"cannot be reached: {error}".splitlines()[0]) from None
    try:
        with celery_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except BrokerError as error:
        name = "CELERY_BROKER_URL" if os.environ.get("CELERY_BROKER_URL") else "REDIS_URL"
        raise BadSetting(name, f"cannot be reached: {error}") from None
    try:
        call_command("migrate", verbosity=0)
    except CommandError as error:
        raise SystemExit(str(error)) from None
    # As in production, web servers and workers must not be able to connect as the owner.
    os.environ.pop("MIGRATION_DATABASE_URL", None)
    call_command("seed", if_empty=True)
    # WhiteNoise warns if the directory is missing; the demo serves static files from their sources.
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    # Forked children must not share a connection; they open their own.
    connection.close()


def _supervise(data_dir: Path, port: int) -> int:
    python = sys.executable
    # Suppresses Celery's warning about running as root, which is common in containers.
    celery = f"exec {python} -W ignore -m celery -A core --quiet"
    manager = Manager()
    manager.add_process("web", f"exec {python} -m gunicorn core.wsgi")
    manager.add_process("worker", f"{celery} worker --concurrency 1 --loglevel INFO")
    manager.add_process(
        "beat", f"{celery} beat --schedule '{data_dir / 'celerybeat-schedule'}' --loglevel WARNING"
    )
    if os.environ.get("DEMO_MAILBOX"):
        smtp = os.environ["EMAIL_URL"].removeprefix("smtp://")
        manager.add_process(
            "mail",
            f"exec {python} -m aiosmtpd --nosetuid --listen {smtp} "
            f"--class aiosmtpd.handlers.Mailbox '{os.environ['DEMO_MAILBOX']}'",
        )
    threading.Thread(target=_welcome, args=(port,), daemon=True).start()
    manager.loop()
    stopped_by_signal = manager.returncode in {130, 143}
    return 0 if stopped_by_signal else int(manager.returncode or 1)


def _welcome(port: int) -> None:
    """Print the URLs once the web server responds."""
    for _attempt in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            call_command("welcome")
            return


if __name__ == "__main__":
    sys.exit(main())
