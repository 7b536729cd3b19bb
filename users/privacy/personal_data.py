"""Personal data in deletions and exports."""

from users.accounts.personal_data import LINK, NUMBER, OWN, by_id
from users.activity.personal_data_registry import (
    DeleteRows,
    PersonalTable,
    RetainRows,
    register_buckets,
    register_tables,
)
from users.privacy.models import AccountDeletion, DataExport
from users.privacy.throttling import user_buckets

register_buckets(lambda subject: user_buckets(subject.id))

register_tables(
    PersonalTable(
        model=DataExport,
        row_conditions=by_id,
        exported=("requested_at", "ready_at", "expires_at"),
        not_exported={"id": NUMBER, "user": OWN, "nonce": LINK, "file": "the archive itself"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=AccountDeletion,
        row_conditions=by_id,
        exported=("requested_at", "expires_at", "was_deactivated"),
        not_exported={"user": OWN, "nonce": LINK},
        erasure=RetainRows("Schedules the erasure, and is deleted in its last step."),
    ),
)
