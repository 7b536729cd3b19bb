"""Debian's Caddy as a proxy, which, like all Go proxies, writes heads in pieces."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.dev.ports import free_port
from tests.support.waiting import wait_until
from tests.system.cluster import HOST, Replica, connects
from tests.system.programs import require_program

CONFIG = """
{{
    admin off
    auto_https off
    log {{
        level ERROR
    }}
}}
http://{host}:{port} {{
    bind {host}
    reverse_proxy {measure} {host}:{measuring}
    reverse_proxy {host}:{upstream}
}}
"""


# Has the length of the API's path.
MEASURE = "/measure"


@contextmanager
def caddy_for(directory: Path, replica: Replica, measuring: int) -> Iterator[int]:
    """Run Caddy in front of a replica; yield its port."""
    port = free_port()
    config = directory / "Caddyfile"
    config.write_text(
        CONFIG.format(
            host=HOST, port=port, upstream=replica.port, measure=MEASURE, measuring=measuring
        ),
        "utf-8",
    )
    command = [require_program("caddy", "caddy"), "run", "--config", str(config)]
    environ = os.environ | {"HOME": str(directory), "XDG_DATA_HOME": str(directory)}
    with (
        (directory / "caddy.log").open("wb") as log,
        subprocess.Popen([*command, "--adapter", "caddyfile"], env=environ, stderr=log) as process,
    ):
        try:
            wait_until(lambda: connects(port), f"{directory / 'caddy.log'}: listening")
            yield port
        finally:
            process.terminate()
