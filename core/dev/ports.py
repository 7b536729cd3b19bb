"""Ports for servers that are started here."""

import random
import socket
from typing import Final

# Below those from which Linux, macOS and Windows take the ports of clients: one of these is taken
# until its server listens by another server only.
PORTS: Final = range(20_000, 32_000)


def free_port() -> int:
    """Return an unused port of the loopback interface.

    Raises `OSError` if none is found.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")
