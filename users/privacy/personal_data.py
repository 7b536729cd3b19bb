"""What this app holds about people."""

from core.ratelimit.limits import forget
from users.accounts.personal_data import LINK, NUMBER, OWN, by_id
from users.activity.personal import Kept, Person, PersonalTable, Removed, also_erases, declare
from users.privacy.models import AccountDeletion, DataExport
from users.privacy.throttling import buckets_of


@also_erases
def _forget_attempts(person: Person) -> None:
    forget(*buckets_of(person.id))


declare(
    PersonalTable(
        model=DataExport,
        ways=by_id,
        told=("requested_at", "ready_at", "expires_at"),
        withheld={"id": NUMBER, "user": OWN, "nonce": LINK, "file": "the archive itself"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=AccountDeletion,
        ways=by_id,
        told=("requested_at", "expires_at", "was_shut"),
        withheld={"user": OWN, "nonce": LINK},
        erasure=Kept("It announces the erasure, and goes with the last step of it."),
    ),
)
