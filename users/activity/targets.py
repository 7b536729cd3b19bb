"""Targets of the audit trail: a file, a syslog server or an HTTP collector."""

import datetime as dt
import os
import socket
from collections.abc import Sequence
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpcore
from django.conf import settings

from core.bounded_connections import (
    BoundedBackend,
    connection_pool,
    ending_within,
    tls_context,
)

# For all of a batch. Two of them after a run's time are within a task's time limit.
TOTAL_SECONDS: Final = 12.0
# Facility "log audit" (13), severity "informational" (6); RFC 5424.
PRIORITY: Final = 13 * 8 + 6
SYSLOG_PORTS: Final = {"syslog+tcp": 601, "syslog+tls": 6514}


class TargetError(Exception):
    """The target did not accept the lines; the text says why, and contains no credential."""


class TooLargeError(TargetError):
    """The target does not accept as many bytes at once."""


def send_lines(url: str, token: str, lines: Sequence[bytes]) -> None:
    """Send lines, in order; raises `TargetError`, after which some may have arrived."""
    target = urlsplit(url)
    try:
        if target.scheme == "file":
            _append(Path(target.path), lines)
            return
        with ending_within(TOTAL_SECONDS):
            if target.scheme in SYSLOG_PORTS:
                _send_syslog(target, lines)
            else:
                _post(url, token, lines)
    except (OSError, httpcore.TimeoutException, httpcore.NetworkError) as error:
        raise TargetError(str(error)) from error
    except httpcore.ProtocolError as error:
        # Its text may quote what was sent.
        raise TargetError(type(error).__name__) from None


def _append(path: Path, lines: Sequence[bytes]) -> None:
    """Append to the file, which is opened each time, so that it can be rotated."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(-1, os.SEEK_END)
        # A worker may have been killed within a line.
        is_cut = bool(size) and file.read(1) != b"\n"
        file.write(b"\n" * is_cut + b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(descriptor)


def _send_syslog(target: SplitResult, lines: Sequence[bytes]) -> None:
    """Send messages (RFC 5424) with their lengths (RFC 6587), over TCP or TLS (RFC 5425)."""
    host, port = target.hostname or "", target.port or SYSLOG_PORTS[target.scheme]
    now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    header = f"<{PRIORITY}>1 {now} {socket.gethostname()} roster - audit - ".encode()
    messages = (header + line for line in lines)
    content = b"".join(b"%d %s" % (len(message), message) for message in messages)
    stream = BoundedBackend().connect_tcp(host, port)
    if target.scheme == "syslog+tls":
        stream = stream.start_tls(tls_context(), host)
    with closing(stream):
        stream.write(content)
        # Syslog has no other acknowledgement.
        stream.finish()


def _post(url: str, token: str, lines: Sequence[bytes]) -> None:
    """Post newline-delimited JSON; only a successful status acknowledges it."""
    headers = [
        ("Content-Type", "application/x-ndjson"),
        ("User-Agent", f"Roster/{settings.VERSION}"),
    ]
    if token:
        headers.append(("Authorization", f"Bearer {token}"))
    content = b"".join(line + b"\n" for line in lines)
    with (
        connection_pool() as pool,
        pool.stream("POST", url, headers=headers, content=content) as response,
    ):
        if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise TooLargeError("status 413")
        if not 200 <= response.status < 300:  # noqa: PLR2004 - the successful ones (RFC 9110)
            raise TargetError(f"status {response.status}")
