"""Error reports to Sentry: what is logged as an error, without values.

A report is built from what is known to be harmless. The texts of exceptions are left out, because
they may quote personal data, and so are local variables, requests, and arguments of log lines.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.types import Event, Hint
from structlog.contextvars import get_contextvars

KEPT: Final = (
    *("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "sdk"),
)
OF_EXCEPTION: Final = ("type", "module")
OF_FRAME: Final = (
    *("filename", "abs_path", "function", "module", "lineno", "in_app"),
    *("pre_context", "context_line", "post_context"),
)
TAGS: Final = ("request_id", "task", "task_id", "subscriber")


def start_reporting() -> None:
    """Send the errors of this process."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=f"roster@{settings.VERSION}",
        server_name="",
        # Those that are on by default read requests, arguments and variables.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            AtexitIntegration(callback=lambda _pending, _timeout: None),
            DedupeIntegration(),
        ],
        before_send=without_values,
        include_local_variables=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        send_default_pii=False,
        send_client_reports=False,
        auto_session_tracking=False,
    )


def without_values(event: Event, _hint: Hint) -> Event:
    """Return what is sent of an event."""
    found: dict[str, Any] = _only(event, KEPT)
    # The text of a log line without its arguments.
    found["logentry"] = {"message": (event.get("logentry") or {}).get("message", "")}
    values = (event.get("exception") or {}).get("values") or ()
    found["exception"] = {"values": [_exception(each) for each in values]}
    bound = get_contextvars()
    found["tags"] = {name: str(bound[name]) for name in TAGS if name in bound}
    return found  # type: ignore[return-value]


def _exception(value: Mapping[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or ()
    return _only(value, OF_EXCEPTION) | {
        "stacktrace": {"frames": [_only(frame, OF_FRAME) for frame in frames]}
    }


def _only(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}
