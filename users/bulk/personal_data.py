"""What this app holds about people."""

import re

from django.db.models import Q, TextField
from django.db.models.functions import Cast, Concat

from core.ratelimit.limits import forget
from users.accounts.personal_data import NUMBER, OWN, by_id
from users.activity.personal import Person, PersonalTable, Removed, also_erases, declare
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.throttling import buckets_of

OTHERS = "tells of the people who were selected, and goes with the row in any case"


@also_erases
def _forget_attempts(person: Person) -> None:
    forget(*buckets_of(person.id))


@also_erases
def _forget_words(person: Person) -> None:
    """Forget by what ended bulk actions selected people, and why, where that names the person."""
    words = Concat(Cast("selection", TextField()), Cast("arguments", TextField()))
    ended = BulkAction.objects.ended().annotate(words=words)
    for login in person.logins:
        ended.filter(words__iregex=rf"\y{re.escape(login)}\y").update(selection=None, arguments={})


declare(
    PersonalTable(
        model=BulkFailure,
        ways=by_id,
        told=("bulk_action__kind", "bulk_action__created_at", "code"),
        withheld={"id": NUMBER, "user": OWN, "bulk_action": NUMBER},
        erasure=Removed(),
    ),
    PersonalTable(
        model=BulkAction,
        ways=lambda person: [Q(requester=person.id)],
        told=(
            *("kind", "state", "total", "done", "unchanged", "failed"),
            *("created_at", "started_at", "finished_at"),
        ),
        withheld={
            "id": NUMBER,
            "requester": OWN,
            "token_id": NUMBER,
            "arguments": OTHERS,
            "selection": OTHERS,
            "cursor": NUMBER,
            "turn": NUMBER,
        },
        erasure=Removed(),
    ),
)
