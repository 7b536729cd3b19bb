"""Personal data in imports."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, Q

from users.accounts.personal_data import NUMBER, OWN, by_id
from users.activity.personal_data_registry import (
    DataSubject,
    DeleteRows,
    PersonalTable,
    register_buckets,
    register_tables,
)
from users.imports.models import ExternalId, SkippedRow, UserImport
from users.imports.throttling import user_buckets

register_buckets(lambda subject: user_buckets(subject.id))


def _skipped_rows_of(subject: DataSubject) -> Sequence[Q]:
    """Return the condition for rows with an external id of the user."""
    own = ExternalId.objects.filter(
        user=subject.id, value=OuterRef("external_id"), source=OuterRef("user_import__source")
    )
    return [~Q(external_id="") & Q(Exists(own))]


register_tables(
    # Before the external ids, by which the rows are found.
    PersonalTable(
        model=SkippedRow,
        row_conditions=_skipped_rows_of,
        exported=("external_id", "line", "code", "field", "value"),
        not_exported={"id": NUMBER, "user_import": NUMBER},
        erasure=DeleteRows(),
    ),
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
    PersonalTable(
        model=UserImport,
        row_conditions=lambda subject: [Q(requester=subject.id)],
        exported=(
            *("format", "mode", "is_dry_run", "source", "file_name", "state", "total"),
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
            "new_organizations": "names in the file, deleted once the import has ended",
            "offset": NUMBER,
            "line": NUMBER,
            "batch_size": NUMBER,
            "turn": NUMBER,
        },
        erasure=DeleteRows(),
    ),
)
