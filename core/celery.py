"""The Celery application; it loads the `tasks` modules of the installed apps."""

import os

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

# Imported for its signal receivers: they bind the request id to a worker's log lines.
import core.request_id  # noqa: F401

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

TRANSPORT_ALIASES.update(redis="core.broker:Transport", rediss="core.broker:Transport")

app = Celery("roster")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
