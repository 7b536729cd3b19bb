"""What this app holds about people."""

from users.accounts.personal_data import LINK, OWN, by_id
from users.activity.personal import Kept, PersonalTable, declare
from users.privacy.models import AccountDeletion

declare(
    PersonalTable(
        model=AccountDeletion,
        ways=by_id,
        told=("requested_at", "expires_at"),
        withheld={"user": OWN, "nonce": LINK},
        erasure=Kept("It announces the erasure, and goes with the last step of it."),
    ),
)
