"""The Celery application; it loads the `tasks` modules of the installed apps."""

import os

from celery import Celery
from celery.signals import celeryd_after_setup
from kombu.transport import TRANSPORT_ALIASES

from core.forks import share_objects
from core.telemetry.prometheus_dir import make_metrics_directory

# Only workers have the variable; see `core.telemetry.tasks`. Their processes share a directory.
if os.environ.get("WORKER_METRICS_PORT", "0") != "0":
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", make_metrics_directory(None))

TRANSPORT_ALIASES.update(
    redis="core.broker:Transport",
    rediss="core.broker:Transport",
    amqp="core.broker:AmqpTransport",
    amqps="core.broker:AmqpsTransport",
)

app = Celery("roster")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add("core.heartbeat:Heartbeat")
# Its receivers of signals observe tasks.
app.autodiscover_tasks(["core.telemetry"])


@celeryd_after_setup.connect(dispatch_uid=__name__)
def prepare_forks(**_signal: object) -> None:
    """Let the processes of a worker share what its main process has imported."""
    share_objects()
