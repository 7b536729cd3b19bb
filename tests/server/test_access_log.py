"""The worker's access log has the lines of gunicorn's own, whatever the format."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from core.server.access_log import AccessLog
from core.server.requests import Environ, Request
from core.server.responses import Response

FORMATS = (
    '%(t)s %({x-request-id}o)s %(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(M)sms',
    '%(h)s %(l)s %(u)s "%(r)s" %(q)s %(b)s "%(f)s" "%(a)s" %(T)s %(D)s %(L)s %(p)s',
    "%({X-Request-ID}o)s %({x-absent}o)s %({set-cookie}o)s %(absent)s",
    "%({Accept}i)s %({user-agent}i)s %({x-absent}i)s",
    "%({wsgi.url_scheme}e)s %({REMOTE_ADDR}e)s %({absent}E)s",
    "nothing of the request",
)
ENVIRON: Environ = {
    "HTTP_ACCEPT": "application/json",
    "HTTP_AUTHORIZATION": "Basic YWxpY2U6c2VjcmV0",
    "HTTP_REFERER": "https://example.com/",
    "HTTP_USER_AGENT": 'a "quoted" agent',
    "PATH_INFO": "/graphql",
    "QUERY_STRING": "a=1",
    "RAW_URI": "/graphql?a=1",
    "REMOTE_ADDR": "192.0.2.1",
    "REQUEST_METHOD": "POST",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "https",
}
TOOK = timedelta(seconds=1, microseconds=234_567)


def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    assert environ["wsgi.input"]
    start_response(
        "200 OK",
        [("X-Request-ID", "an id"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Via", "us")],
    )
    return [b"body"]


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("left_out", [None, "HTTP_AUTHORIZATION", "HTTP_REFERER", "REMOTE_ADDR"])
def test_lines_are_those_of_gunicorn(
    log_format: str, left_out: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger, lines = _logger(log_format, monkeypatch)
    monkeypatch.setattr(logger, "now", lambda: "[now]")
    environ = {name: value for name, value in ENVIRON.items() if name != left_out}
    request = Request(environ | {"wsgi.input": BytesIO(b"x")}, keeps_alive=True)
    response = Response(application, request)
    response.parts(keeps_alive=True)
    logger.access(response, request, request.loggable, TOOK)
    AccessLog(logger, log_format).write(response, request, TOOK)
    expected, found = lines
    assert found == expected


def test_nothing_is_written_without_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    logger, lines = _logger(FORMATS[0], monkeypatch, accesslog=None)
    request = Request(ENVIRON | {"wsgi.input": BytesIO(b"x")}, keeps_alive=True)
    AccessLog(logger, FORMATS[0]).write(Response(application, request), request, TOOK)
    assert not lines


def _logger(
    log_format: str, monkeypatch: pytest.MonkeyPatch, accesslog: str | None = "-"
) -> tuple[Any, list[str]]:
    """Return gunicorn's logger, and the lines that it writes."""
    config = Config()
    config.set("accesslog", accesslog)
    config.set("access_log_format", log_format)
    logger = Logger(config)
    lines: list[str] = []
    collecting = logging.Handler()
    monkeypatch.setattr(collecting, "emit", lambda record: lines.append(record.getMessage()))
    monkeypatch.setattr(logger.access_log, "handlers", [collecting])
    return logger, lines
