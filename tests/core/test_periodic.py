"""The schedule of periodic tasks."""

import json
import subprocess
import sys
from datetime import timedelta

from celery import current_app
from django.conf import settings

from core.outbox.queues import Queue

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
INTERVALS = {
    "core.outbox.relay": 3 * SECOND,
    "core.outbox.prune_failed": 10 * MINUTE,
    "core.ratelimit.prune": 10 * MINUTE,
    "users.accounts.prune_links": 10 * MINUTE,
    "users.accounts.sweep_avatars": 5 * MINUTE,
    "users.organizations.prune_invitations": 10 * MINUTE,
    "users.authentication.prune_password_resets": 10 * MINUTE,
    "users.authentication.prune_sessions": 10 * MINUTE,
    "users.authentication.prune_api_tokens": 10 * MINUTE,
    "users.authentication.prune_challenges": 10 * MINUTE,
    "users.authentication.record_last_seen": 5 * MINUTE,
    "users.authentication.roll_up_uses": 5 * MINUTE,
    "users.activity.seal_events": MINUTE,
    "users.activity.roll_up_events": MINUTE,
    "users.activity.stream_events": 10 * SECOND,
    "users.activity.partition_events": 60 * MINUTE,
    "users.activity.fold_segments": 60 * MINUTE,
    "users.privacy.erase_due_users": 10 * MINUTE,
    "users.privacy.prune_exports": 10 * MINUTE,
    "users.bulk.prune": 10 * MINUTE,
    "users.exports.prune": 10 * MINUTE,
    "users.imports.prune": 10 * MINUTE,
    "users.authentication.lift_suspensions": MINUTE,
    "users.webhooks.dispatch": 5 * SECOND,
    "users.webhooks.prune": 10 * MINUTE,
}
# Starts like `celery beat`, in a process without earlier imports.
BEAT = """
import json
from celery.apps.beat import Beat
from core.celery import app
beat = Beat(app=app, quiet=True)
beat.init_loader()
entries = app.conf.beat_schedule.values()
print(json.dumps([[e["task"], e["task"] in app.tasks, e["options"]["expires"]] for e in entries]))
"""


def test_every_task_expires_after_its_interval() -> None:
    entries = settings.CELERY_BEAT_SCHEDULE.values()
    assert {entry["task"]: entry["schedule"] for entry in entries} == INTERVALS
    assert {entry["task"]: entry["options"]["expires"] for entry in entries} == {
        task: interval.total_seconds() for task, interval in INTERVALS.items()
    }


def test_every_periodic_task_has_the_queue_of_its_own() -> None:
    routed = {current_app.amqp.router.route({}, task)["queue"].name for task in INTERVALS}
    assert routed == {Queue.PERIODIC}


def test_beat_finds_all_tasks_in_a_new_process() -> None:
    printed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEAT], capture_output=True, check=True, text=True
    ).stdout
    assert sorted(json.loads(printed)) == sorted(
        [task, True, interval.total_seconds()] for task, interval in INTERVALS.items()
    )
