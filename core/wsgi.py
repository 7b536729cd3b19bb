"""The WSGI application."""

from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from core.web.fast_path import FastPath, WSGIApplication
from core.web.operations import operation_view

application: WSGIApplication = get_wsgi_application()
# Gunicorn imports this before it forks. So the workers share the schema, which the first request of
# each would compile for a second, and the pages.
operation_view()
import_module(settings.ROOT_URLCONF)
if settings.FAST_PATH:
    application = FastPath(application)
if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
    # Imported only then: without it, tracing costs nothing.
    application = import_string("core.telemetry.web.TracedApplication")(application)
