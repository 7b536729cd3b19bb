"""Outbox subscribers and periodic task of imports."""

from datetime import timedelta
from uuid import UUID

from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from users.activity.tags import Tag
from users.imports.services.end import delete_file_of, prune_user_imports
from users.imports.services.run import TOPIC, USER_IMPORTS
from users.jobs.services.run import failed_turn_handler, run_turn


@subscriber(TOPIC, queue=Queue.BULK, on_failure=failed_turn_handler(USER_IMPORTS))
def run_user_import(user_import_id: str, turn: int) -> None:
    """Run one turn of an import."""
    run_turn(USER_IMPORTS, UUID(user_import_id), turn=turn)


@subscriber(Tag.USER_IMPORT_FINISHED)
@subscriber(Tag.USER_IMPORT_CANCELED)
def delete_file(event_id: str) -> None:
    """Delete the file of an ended import."""
    delete_file_of(USER_IMPORTS.job_id_of(event_id))


@periodic("users.imports.prune", every=timedelta(minutes=10))
def prune() -> None:
    """Delete imports past their retention period, and unused files."""
    prune_user_imports()
