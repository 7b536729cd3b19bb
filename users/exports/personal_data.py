"""Personal data in exports."""

from django.db.models import Q

from users.accounts.personal_data import NUMBER, OWN
from users.activity.personal_data_registry import (
    DataSubject,
    DeleteRows,
    PersonalTable,
    register_buckets,
    register_eraser,
    register_tables,
)
from users.exports.models import UserExport
from users.exports.services.download import delete_files
from users.exports.throttling import user_buckets
from users.jobs.personal_data import jobs_with_logins

OTHERS = "personal data of the exported users, deleted with the row"

register_buckets(lambda subject: user_buckets(subject.id))


@register_eraser
def _erase_search_terms(subject: DataSubject) -> None:
    """Clear the selections of ended exports that contain the user's logins."""
    ended = UserExport.objects.ended()
    for naming in jobs_with_logins(ended, "selection", subject=subject):
        naming.update(selection=None)


register_tables(
    PersonalTable(
        model=UserExport,
        row_conditions=lambda subject: [Q(requester=subject.id)],
        exported=(
            *("state", "columns", "format", "total", "done", "size", "failure"),
            *("created_at", "started_at", "finished_at"),
        ),
        not_exported={
            "id": NUMBER,
            "requester": OWN,
            "token_id": NUMBER,
            "selection": OTHERS,
            "cursor": NUMBER,
            "turn": NUMBER,
            "unchanged": NUMBER,
            "failed": NUMBER,
            "directory": OTHERS,
            "parts": NUMBER,
        },
        erasure=DeleteRows(),
        delete_files=delete_files,
    ),
)
