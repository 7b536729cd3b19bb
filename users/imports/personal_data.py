"""Personal data in imports."""

from django.db.models import Q

from users.accounts.personal_data import NUMBER, OWN, by_id
from users.activity.personal_data_registry import (
    DeleteRows,
    NonPersonalTable,
    PersonalTable,
    register_buckets,
    register_tables,
)
from users.imports.models import ExternalId, SkippedRow, UserImport
from users.imports.throttling import user_buckets

register_buckets(lambda subject: user_buckets(subject.id))

register_tables(
    PersonalTable(
        model=ExternalId,
        row_conditions=by_id,
        exported=("source", "value"),
        not_exported={
            "id": NUMBER,
            "user": OWN,
            "is_origin": "whether an import created the account",
            "digest": "a digest of imported values",
            "password_digest": "a digest of a salted hash",
            "last_import_id": NUMBER,
        },
        erasure=DeleteRows(),
    ),
    NonPersonalTable(
        model=SkippedRow,
        columns=("id", "user_import", "line", "code", "field"),
        reason="Line numbers of a file that is deleted once the import has ended.",
    ),
    PersonalTable(
        model=UserImport,
        row_conditions=lambda subject: [Q(requester=subject.id)],
        exported=(
            *("format", "mode", "is_dry_run", "source", "state", "total"),
            *("done", "created", "unchanged", "failed", "failure"),
            *("created_at", "started_at", "finished_at"),
        ),
        not_exported={
            "id": NUMBER,
            "requester": OWN,
            "token_id": NUMBER,
            "file": "personal data of other users, deleted once the import has ended",
            "layout": "the columns of the file",
            "ignored_columns": "columns of the file",
            "offset": NUMBER,
            "line": NUMBER,
            "batch_size": NUMBER,
            "turn": NUMBER,
        },
        erasure=DeleteRows(),
    ),
)
