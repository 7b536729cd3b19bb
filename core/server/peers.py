"""The part of WSGI's environment that the requests of a connection share."""

import socket
import sys
from ipaddress import ip_address
from typing import Any

from gunicorn.config import Config  # type: ignore[import-untyped]

from core.server.requests import Environ, Peer


class Peers:
    """The clients of a worker's connections, as gunicorn describes them."""

    def __init__(self, config: Config) -> None:
        """Take gunicorn's settings."""
        self._config = config
        self._shared: Environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": "",
            "SERVER_PORT": "",
            "SERVER_SOFTWARE": "gunicorn",
            "wsgi.errors": sys.stderr,
            "wsgi.input_terminated": True,
            "wsgi.multiprocess": config.workers > 1,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
        }
        self._scheme_headers = tuple(
            (f"HTTP_{name.replace('-', '_')}", value)
            for name, value in config.secure_scheme_headers.items()
        )

    def peer(self, listener: socket.socket, address: Any) -> Peer:
        """Return the client of a connection that was accepted from an address."""
        environ: Environ = self._shared | {"REMOTE_ADDR": ""}
        is_trusted = True
        if isinstance(address, tuple):
            name, port, *_scope = listener.getsockname()
            environ |= {"SERVER_NAME": name, "SERVER_PORT": str(port)}
            environ |= {"REMOTE_ADDR": address[0], "REMOTE_PORT": str(address[1])}
            is_trusted = "*" in self._config.forwarded_allow_ips or any(
                ip_address(address[0]) in network
                for network in self._config.forwarded_allow_networks()
            )
        return Peer(environ, self._scheme_headers if is_trusted else ())
