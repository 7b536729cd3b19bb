"""Debian's Patroni with etcd and HAProxy, which fail over by themselves."""

import json
import shutil
import subprocess
import time
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from core.dev.embedded import PROGRAMS
from core.dev.ports import free_port
from tests.support.postgres_servers import HOST, PASSWORD, PostgresServer, system_user
from tests.support.waiting import wait_until
from tests.system.cluster import fetch
from tests.system.failover import DATABASE
from tests.system.programs import require_program

# Seconds: how often a node looks at its server, and after how long a silent node loses the key.
LOOP, TTL, RETRY = 1, 20, 3
PATIENCE: Final = 120
HAPROXY: Final = """
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen primary
  bind {host}:{port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fall 1 rise 1 on-marked-down shutdown-sessions
"""


class Node(PostgresServer):
    """A server that Patroni starts, follows and promotes."""

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__(directory, name)
        self.api = free_port()

    @property
    def pid(self) -> int | None:
        """The postmaster's id, by its file."""
        with suppress(OSError, IndexError):
            pid = int((self.pgdata / "postmaster.pid").read_text(encoding="utf-8").split()[0])
            return pid if Path(f"/proc/{pid}").exists() else None
        return None

    def is_(self, role: str) -> bool:
        """Return whether Patroni says that the node has a role."""
        with suppress(OSError, HTTPException):
            return fetch(self.api, "OPTIONS", f"/{role}")[0].status == 200
        return False

    def is_primary(self) -> bool:
        return self.is_("primary")

    def configuration(self, etcd: int) -> dict[str, Any]:
        """Return Patroni's configuration; JSON is YAML."""
        address = f"{HOST}:{self.port}"
        user = {"username": "postgres", "password": PASSWORD}
        parameters = {"fsync": "off", "shared_buffers": "32MB", "max_connections": 60}
        return {
            "scope": "roster",
            "name": self.name,
            "restapi": {"listen": f"{HOST}:{self.api}", "connect_address": f"{HOST}:{self.api}"},
            "etcd3": {"host": f"{HOST}:{etcd}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL,
                    "loop_wait": LOOP,
                    "retry_timeout": RETRY,
                    # The standby is promoted at once, before the failed server is started again.
                    "primary_start_timeout": 0,
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": parameters},
                },
                "initdb": [{"encoding": "UTF8"}, {"auth": "scram-sha-256"}, "data-checksums"],
            },
            "postgresql": {
                "listen": address,
                "connect_address": address,
                "data_dir": str(self.pgdata),
                "bin_dir": str(PROGRAMS),
                "pgpass": str(self.pgdata.with_suffix(".pgpass")),
                "authentication": {"superuser": user, "replication": user, "rewind": user},
                "parameters": {"unix_socket_directories": str(self.pgdata.parent)},
                "pg_hba": [
                    f"host {database} all {HOST}/32 scram-sha-256"
                    for database in ("all", "replication")
                ],
            },
        }


class PatroniPair:
    """Two nodes, one of which is the primary, behind HAProxy; as `failover.Pair`."""

    def __init__(self, directory: Path) -> None:
        """Start all parts; return when the standby is synchronous."""
        self._nodes = (Node(directory, "one"), Node(directory, "two"))
        self._port = free_port()
        self._stack = ExitStack()
        try:
            self._start(directory)
        except BaseException:
            self.stop()
            raise

    def _start(self, directory: Path) -> None:
        etcd, peer = free_port(), free_port()
        self._run(
            *(require_program("etcd", "etcd-server"), "--data-dir", directory / "etcd"),
            *("--listen-client-urls", f"http://{HOST}:{etcd}"),
            *("--advertise-client-urls", f"http://{HOST}:{etcd}"),
            *("--listen-peer-urls", f"http://{HOST}:{peer}"),
            log=directory / "etcd.log",
        )
        proxy = HAPROXY.format(host=HOST, port=self._port)
        for node in self._nodes:
            proxy += f"  server {node.name} {HOST}:{node.port} check port {node.api}\n"
            configuration = directory / f"{node.name}.yaml"
            configuration.write_text(json.dumps(node.configuration(etcd)), encoding="utf-8")
            patroni = require_program("patroni", "patroni")
            self._run(patroni, configuration, log=directory / f"{node.name}.patroni.log")
        (directory / "haproxy.cfg").write_text(proxy, encoding="utf-8")
        haproxy = require_program("haproxy", "haproxy")
        self._run(haproxy, "-f", directory / "haproxy.cfg", log=directory / "haproxy.log")
        wait_until(
            lambda: any(node.is_primary() for node in self._nodes), "a primary", seconds=PATIENCE
        )
        self.repair()
        self.primary.create_roles(DATABASE)

    def _run(self, *command: str | Path, log: Path) -> None:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, user=system_user(), cwd="/", stdout=output, stderr=output
            )
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)

    @property
    def primary(self) -> Node:
        """The node that Patroni says is the primary."""
        [found] = [node for node in self._nodes if node.is_primary()]
        return found

    @property
    def standby(self) -> Node:
        """The other node."""
        primary = self.primary
        [found] = [node for node in self._nodes if node is not primary]
        return found

    def url(self, user: str) -> str:
        """Return HAProxy's address, which leads to the primary."""
        return f"postgresql://{user}:{PASSWORD}@{HOST}:{self._port}/{DATABASE}"

    def fail_over(self) -> float:
        """Kill the primary; return when. Patroni promotes the other."""
        former, standby = self.primary, self.standby
        killed = time.monotonic()
        former.kill()
        wait_until(standby.is_primary, "a new primary", seconds=PATIENCE)
        return killed

    def repair(self) -> None:
        """Wait until Patroni would promote the other node, a synchronous standby."""

        def has_standby() -> bool:
            return any(node.is_("synchronous") for node in self._nodes)

        wait_until(has_standby, "a synchronous standby", seconds=PATIENCE)

    def stop(self) -> None:
        self._stack.close()
        for node in self._nodes:
            node.kill()
            shutil.rmtree(node.pgdata, ignore_errors=True)
