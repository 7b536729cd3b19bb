"""The start of traces and error reports, each in the processes that do the work.

What they need is imported only if they are configured.
"""

from django.conf import settings
from django.utils.module_loading import import_string


def start() -> None:
    """Begin to send traces and errors from this process, as configured."""
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        import_string("core.telemetry.traces.start_tracing")()
    if settings.SENTRY_DSN:
        import_string("core.telemetry.errors.start_reporting")()
