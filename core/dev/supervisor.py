"""Runs the whole service on one machine, as a supervised group of processes.

1. Starts PostgreSQL and Redis (`core.dev.embedded`) unless their URLs are set, and other servers.
2. Migrates the database, and seeds demo data if it is empty (`core.dev.prepare`).
3. Runs the group until a signal arrives, or one of its processes exits for good, then stops it.

Nothing else sets DEMO=1.
"""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import psutil
from honcho.manager import Manager

from core.configuration.env import BadSetting, Environment
from core.dev.embedded import EmbeddedError, services
from core.dev.ports import free_port

OWNER: Final = "ROSTER_SUPERVISED_IN"
STOP_TIMEOUT: Final = 10
# Suppresses Celery's warning about running as root, which is common in containers.
CELERY: Final = f"{sys.executable} -W ignore -m celery -A core --quiet"
WORKER: Final = f"{CELERY} worker --loglevel INFO --without-gossip --without-mingle"
WEB: Final = f"{sys.executable} -m gunicorn core.wsgi"


@contextmanager
def no_servers(_data_dir: Path, _environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """Start no servers."""
    yield {}


@dataclass(frozen=True)
class Group:
    """What `make COMMAND` runs in addition to the servers of `core.dev.embedded`."""

    command: str
    data_dir: str
    # Adds processes, and returns what to print above the welcome.
    add_processes: Callable[[Manager, Path, int], str]
    # Gets the environment with the embedded servers' URLs; yields further variables of it.
    servers: Callable[[Path, dict[str, str]], AbstractContextManager[dict[str, str]]] = no_servers

    def run(self) -> int:
        """Run until the end; return the exit status, 0 after a signal."""
        signal.signal(signal.SIGTERM, _stop)
        env = Environment(os.environ)
        port = env.number("PORT", 8000, minimum=1, maximum=65_535)
        data_dir = Path(env.text("DATA_DIR", self.data_dir)).resolve()
        try:
            with self._take_over_data_dir(data_dir), ExitStack() as stack:
                self.refuse_busy_port("PORT", port)
                urls = stack.enter_context(services(data_dir, os.environ))
                servers = self.servers(data_dir, os.environ | urls)
                variables = stack.enter_context(servers)
                _configure(urls | variables, data_dir, port)
                return self._supervise(data_dir, port, _prepare())
        except (EmbeddedError, OSError) as error:
            raise SystemExit(f"make {self.command}: {error}") from None
        except KeyboardInterrupt:
            return 0

    @contextmanager
    def _take_over_data_dir(self, data_dir: Path) -> Iterator[None]:
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
                problem = f"is in use by another `make {self.command}`"
                raise BadSetting("DATA_DIR", problem) from None
            _end([process for process in psutil.process_iter() if is_supervised(process, data_dir)])
            yield

    def refuse_busy_port(self, name: str, port: int) -> None:
        """Raise `BadSetting` if another process listens on a port."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                advice = f"try `make {self.command} {name}={port + 1}`"
                problem = f"{port} cannot be used ({error.strerror}); {advice}"
                raise BadSetting(name, problem) from None

    def _supervise(self, data_dir: Path, port: int, welcome: str) -> int:
        manager = Manager()
        addresses = self.add_processes(manager, data_dir, port)
        schedule = data_dir / "celerybeat-schedule"
        beat = f"{CELERY} beat --schedule '{schedule}' --loglevel WARNING"
        add_restarted(manager, "beat", beat)
        if os.environ.get("DEMO_MAILBOX"):
            smtp = os.environ["EMAIL_URL"].removeprefix("smtp://")
            manager.add_process(
                "smtp",
                f"exec {sys.executable} -m aiosmtpd --nosetuid --listen {smtp} "
                f"--class aiosmtpd.handlers.Mailbox '{os.environ['DEMO_MAILBOX']}'",
            )
        threading.Thread(target=_welcome, args=(port, addresses + welcome), daemon=True).start()
        manager.loop()
        stopped_by_signal = manager.returncode in {130, 143}
        return 0 if stopped_by_signal else int(manager.returncode or 1)


def add_restarted(manager: Manager, name: str, command: str, **environ: str) -> None:
    """Add a process that is started again when it exits."""
    loop = f"while true; do {command}; sleep 1; done"
    manager.add_process(name, loop, env=os.environ | environ)


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def is_supervised(process: psutil.Process, data_dir: Path) -> bool:
    """Return whether a supervisor of the directory has started a process."""
    try:
        # NGINX's title, which has its directory, overwrites its environment.
        title = f"-p {data_dir}/nginx " in " ".join(process.cmdline())
        return title or process.environ().get(OWNER) == str(data_dir)
    except psutil.Error:
        # It has ended, or is another user's.
        return False


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.terminate()
    _gone, alive = psutil.wait_procs(processes, timeout=STOP_TIMEOUT)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=STOP_TIMEOUT)


def _configure(urls: dict[str, str], data_dir: Path, port: int) -> None:
    """Complete the environment of this process and its children."""
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


def _secret_key(path: Path) -> str:
    """Return the demo's key; it is generated once, so that sessions survive restarts."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _prepare() -> str:
    """Prepare the database by `core.dev.prepare`; return the welcome, to be printed later."""
    done = subprocess.run(
        [sys.executable, "-m", "core.dev.prepare"], check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        # It has printed why.
        raise SystemExit(done.returncode)
    # As in production, web servers and workers must not be able to connect as the owner.
    os.environ.pop("MIGRATION_DATABASE_URL", None)
    return done.stdout


def _welcome(port: int, text: str) -> None:
    """Print a text once the web server responds."""
    for _attempt in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            # Otherwise a pipe or a file would have it only with the next log line of a service.
            sys.stdout.write(text)
            sys.stdout.flush()
            return
