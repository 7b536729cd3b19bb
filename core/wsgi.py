"""The WSGI application."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from core.web.fast_path import FastPath, WSGIApplication

application: WSGIApplication = get_wsgi_application()
if settings.FAST_PATH:
    application = FastPath(application)
if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
    # Imported only then: without it, tracing costs nothing.
    application = import_string("core.telemetry.web.TracedApplication")(application)
