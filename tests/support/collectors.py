"""What a collector of OpenTelemetry and a Sentry server on this machine receive."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    """Records bodies by the path to which they were sent."""

    port: int = 0
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a process that reports to this collector."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "SENTRY_DSN": f"http://public@127.0.0.1:{self.port}/1",
        }

    @property
    def all(self) -> str:
        """Return all that was received, as text."""
        return "\n".join(body.decode(errors="replace") for _path, body in self.bodies)

    @property
    def spans(self) -> list[Any]:
        """Return the spans."""
        return [
            span
            for path, body in self.bodies
            if path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return Sentry's events."""
        lines = [
            json.loads(line)
            for path, body in self.bodies
            if path.startswith("/api/1/envelope")
            for line in body.splitlines()
            if line.startswith(b"{")
        ]
        return [line for line in lines if "logentry" in line]


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            collector.bodies.append((self.path.partition("?")[0], body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Print nothing."""

    return Handler


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port until the block ends."""
    collector = Collector()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(collector)) as server:
        server.daemon_threads = True
        collector.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collector
        finally:
            server.shutdown()
