"""`make cluster`: the service on one machine, with as many processes as in production.

NGINX, three web processes, workers for each queue, PostgreSQL with a streaming replica, and Redis.
RabbitMQ is the broker with BROKER=rabbitmq; Prometheus scrapes all processes if it is installed.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from honcho.manager import Manager

from core.configuration.env import Environment
from core.dev.embedded import EmbeddedError
from core.dev.nginx import configuration
from core.dev.ports import free_port
from core.dev.rabbitmq import RabbitMQ
from core.dev.standby import standby
from core.dev.supervisor import OWNER, WEB, WORKER, Group, add_restarted
from core.outbox.queues import Queue

HOST: Final = "127.0.0.1"
WEB_PROCESSES: Final = 3
# As in compose.yaml.
NGINX_LIMITS: Final = {"ROSTER_MAX_BODY": "6144k", "ROSTER_MAX_PER_ADDRESS": "100"}
ALERTS: Final = Path(__file__).resolve().parents[2] / "monitoring" / "alerts.yaml"


@contextmanager
def _servers(data_dir: Path, environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """Run the replica and the broker, unless their URLs are set; yield these."""
    if shutil.which("nginx") is None:
        raise EmbeddedError("NGINX is missing; install it: apt-get install nginx")
    CLUSTER.refuse_busy_port("PROMETHEUS_PORT", _prometheus_port())
    broker = Environment(environ).choice("BROKER", "redis", "rabbitmq", default="redis")
    owned = {OWNER: str(data_dir)}
    # Requests come through NGINX, whose header has the address of the client.
    variables = {"TRUSTED_PROXIES": "1"}
    with ExitStack() as stack:
        if not environ.get("DATABASE_REPLICA_URLS"):
            urls = (environ["DATABASE_URL"], environ["MIGRATION_DATABASE_URL"])
            replica = standby(*urls, data_dir / "replica", environ | owned)
            variables["DATABASE_REPLICA_URLS"] = stack.enter_context(replica) or ""
        if broker == "rabbitmq" and not environ.get("CELERY_BROKER_URL"):
            home = data_dir / "rabbitmq"
            home.mkdir(exist_ok=True)
            rabbitmq = RabbitMQ(home, **owned)
            stack.enter_context(rabbitmq.running())
            variables["CELERY_BROKER_URL"] = rabbitmq.url
        yield variables


def _add_processes(manager: Manager, data_dir: Path, port: int) -> str:
    web = [free_port() for _number in range(WEB_PROCESSES)]
    workers = {queue: free_port() for queue in Queue}
    for number, each in enumerate(web, 1):
        add_restarted(manager, f"web-{number}", WEB, BIND=f"{HOST}:{each}")
    for queue, each in workers.items():
        worker = f"{WORKER} --concurrency 1 --queues {queue}"
        add_restarted(manager, queue, worker, WORKER_METRICS_PORT=str(each))
    _add_nginx(manager, data_dir / "nginx", port, web)
    addresses = [f"  Web processes behind NGINX: {', '.join(map(_url, web))}"]
    if shutil.which("prometheus"):
        jobs = {"web": web, "workers": [*workers.values()]}
        _add_prometheus(manager, data_dir / "prometheus", jobs)
        addresses.append(f"  Prometheus, for monitoring/dashboard.json: {_url(_prometheus_port())}")
    return "\n".join(["", *addresses, ""])


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _add_nginx(manager: Manager, directory: Path, port: int, upstream: list[int]) -> None:
    directory.mkdir(exist_ok=True)
    config = configuration(
        NGINX_LIMITS
        | {
            "ROSTER_LISTEN": f"{HOST}:{port}",
            "ROSTER_UPSTREAM": " ".join(f"server {HOST}:{each} max_fails=0;" for each in upstream),
            "ROSTER_PUBLIC_URL": os.environ["PUBLIC_URL"],
            # No proxy stands in front of it.
            "ROSTER_TRUSTED_PROXY": "192.0.2.1",
        }
    )
    (directory / "nginx.conf").write_text(config, encoding="utf-8")
    options = f"-p '{directory}' -c nginx.conf -e stderr -g 'daemon off;'"
    manager.add_process("nginx", f"exec nginx {options}")


def _prometheus_port() -> int:
    return Environment(os.environ).number("PROMETHEUS_PORT", 9090, minimum=1, maximum=65_535)


def _add_prometheus(manager: Manager, directory: Path, jobs: dict[str, list[int]]) -> None:
    directory.mkdir(exist_ok=True)
    config: dict[str, Any] = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "15s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {
                "job_name": name,
                "static_configs": [{"targets": [f"{HOST}:{each}" for each in ports]}],
            }
            for name, ports in jobs.items()
        ],
    }
    # JSON is YAML.
    path = directory / "prometheus.yml"
    path.write_text(json.dumps(config), encoding="utf-8")
    options = f"--config.file '{path}' --storage.tsdb.path '{directory / 'data'}'"
    listen = f"--web.listen-address {HOST}:{_prometheus_port()} --log.level warn"
    manager.add_process("prometheus", f"exec prometheus {options} {listen}")


CLUSTER: Final = Group("cluster", ".data/cluster", _add_processes, _servers)

if __name__ == "__main__":
    sys.exit(CLUSTER.run())
