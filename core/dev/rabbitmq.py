"""A RabbitMQ node on loopback, which may be stopped, killed and restarted."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from kombu import Connection

from core.dev.embedded import EmbeddedError
from core.dev.ports import free_port

PROGRAMS: Final = Path("/usr/lib/rabbitmq/bin")
TIMEOUT: Final = 90
REFUSAL: Final = "Killing not allowed"


class RabbitMQ:
    """A node, its URL, and what may happen to it."""

    def __init__(self, home: Path, **environ: str) -> None:
        """Take a directory for its data and its log, and more variables of its processes."""
        if not PROGRAMS.exists():
            raise EmbeddedError("RabbitMQ is missing; install it: apt-get install rabbitmq-server")
        self._log = home / "log"
        port, dist_port, epmd_port = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"
        self._environ = {
            **environ,
            "HOME": str(home),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd_port),
            "RABBITMQ_NODENAME": "roster@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._log),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the node within the block, with the queues that it had before."""
        try:
            self.start()
            yield
        finally:
            self.kill()
            # Erlang's port mapper outlives its nodes, and refuses to end before it notices that.
            while REFUSAL in self._run("epmd", "-kill"):
                time.sleep(0.05)

    def start(self) -> None:
        """Start the node; return when it accepts connections."""
        self._process = subprocess.Popen(
            [PROGRAMS / "rabbitmq-server"],
            env=os.environ | self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"RabbitMQ did not start; see {self._log}")
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill the node; return when it has ended."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=TIMEOUT)

    def stop(self) -> None:
        """Have the node accept connections, and answer nothing."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Have the node answer again."""
        os.killpg(self._process.pid, signal.SIGCONT)

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl`; return its output."""
        return self._run(PROGRAMS / "rabbitmqctl", "--quiet", *arguments)

    def _run(self, *command: str | Path) -> str:
        return subprocess.run(
            command, env=os.environ | self._environ, capture_output=True, text=True, check=False
        ).stdout

    def _answers(self) -> bool:
        try:
            with Connection(self.url) as connection:
                connection.connect()
        except OSError:
            return False
        return True
