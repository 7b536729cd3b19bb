"""What sessions and the like hold about people."""

from django.db.models import Q

from core.ratelimit.limits import forget
from users.accounts.personal_data import LINK, NUMBER, OWN, by_id
from users.activity.personal import Person, PersonalTable, Removed, also_erases, declare
from users.authentication.models import ApiToken, PasswordReset, RefreshToken, Session, Suspension
from users.authentication.throttling import buckets_of


@also_erases
def _forget_attempts(person: Person) -> None:
    forget(*buckets_of(person.logins))


declare(
    PersonalTable(
        model=RefreshToken,
        ways=lambda person: [Q(session__user=person.id)],
        told=("created_at", "expires_at", "used_at"),
        withheld={
            "id": NUMBER,
            "session": NUMBER,
            "digest": "of a secret",
            "successor": "an encrypted secret",
        },
        erasure=Removed(),
    ),
    PersonalTable(
        model=Session,
        ways=by_id,
        told=("id", "user_agent", "ip", "created_at", "last_seen_at", "expires_at"),
        withheld={"user": OWN, "cookie_digest": "of a secret"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=ApiToken,
        ways=by_id,
        told=(*("id", "name", "scopes", "created_at", "expires_at", "last_used_at", "rotated_at"),),
        withheld={"user": OWN, "digest": "of a secret"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=PasswordReset,
        ways=by_id,
        told=("email", "expires_at"),
        withheld={"id": NUMBER, "nonce": LINK, "user": OWN},
        erasure=Removed(),
    ),
    PersonalTable(
        model=Suspension,
        ways=by_id,
        told=("reason", "until", "created_at"),
        withheld={"user": OWN},
        erasure=Removed(),
    ),
)
