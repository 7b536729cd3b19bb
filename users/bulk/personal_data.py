"""Personal data in bulk actions."""

from django.db.models import Q

from users.accounts.personal_data import NUMBER, OWN, by_id
from users.activity.personal_data_registry import (
    DataSubject,
    DeleteRows,
    PersonalTable,
    register_buckets,
    register_eraser,
    register_tables,
)
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.throttling import user_buckets
from users.jobs.personal_data import jobs_with_logins

OTHERS = "personal data of the selected users, deleted with the row"

register_buckets(lambda subject: user_buckets(subject.id))


@register_eraser
def _erase_search_terms(subject: DataSubject) -> None:
    """Clear the selection and arguments of ended bulk actions that contain the user's logins."""
    ended = BulkAction.objects.ended()
    for naming in jobs_with_logins(ended, "selection", "arguments", subject=subject):
        naming.update(selection=None, arguments={})


register_tables(
    PersonalTable(
        model=BulkFailure,
        row_conditions=by_id,
        exported=("bulk_action__kind", "bulk_action__created_at", "code"),
        not_exported={"id": NUMBER, "user": OWN, "bulk_action": NUMBER},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=BulkAction,
        row_conditions=lambda subject: [Q(requester=subject.id)],
        exported=(
            *("kind", "state", "total", "done", "unchanged", "failed", "failure"),
            *("created_at", "started_at", "finished_at"),
        ),
        not_exported={
            "id": NUMBER,
            "requester": OWN,
            "token_id": NUMBER,
            "arguments": OTHERS,
            "selection": OTHERS,
            "cursor": NUMBER,
            "turn": NUMBER,
        },
        erasure=DeleteRows(),
    ),
)
