"""Personal data in bulk actions."""

import re

from django.db.models import Q, TextField
from django.db.models.functions import Cast, Concat

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

OTHERS = "personal data of the selected users, deleted with the row"

register_buckets(lambda subject: user_buckets(subject.id))


@register_eraser
def _erase_search_terms(subject: DataSubject) -> None:
    """Clear the selection and arguments of ended bulk actions that contain the user's logins."""
    text = Concat(Cast("selection", TextField()), Cast("arguments", TextField()))
    ended = BulkAction.objects.ended().annotate(text=text)
    for login in subject.logins:
        ended.filter(text__iregex=rf"\y{re.escape(login)}\y").update(selection=None, arguments={})


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
            *("kind", "state", "total", "done", "unchanged", "failed"),
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
