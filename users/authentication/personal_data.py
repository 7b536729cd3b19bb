"""What sessions and the like hold about people."""

from django.db.models import Q

from core.ratelimit.limits import forget
from users.accounts.personal_data import LINK, NUMBER, OWN, by_id
from users.activity.personal import Person, PersonalTable, Removed, also_erases, declare
from users.authentication.models import (
    ApiToken,
    Passkey,
    PasskeyChallenge,
    PasswordReset,
    PendingLogIn,
    RecoveryCode,
    RefreshToken,
    Session,
    Suspension,
    Totp,
)
from users.authentication.throttling import buckets_of, buckets_of_codes


@also_erases
def _forget_attempts(person: Person) -> None:
    forget(*buckets_of(person.id, person.logins), *buckets_of_codes(person.id))


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
        model=PasskeyChallenge,
        ways=lambda person: [Q(session__user=person.id), Q(log_in__user=person.id)],
        told=("purpose", "expires_at"),
        withheld={"id": NUMBER, "session": NUMBER, "log_in": NUMBER, "digest": "of a secret"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=PendingLogIn,
        ways=by_id,
        told=("transport", "expires_at"),
        withheld={"id": NUMBER, "user": OWN, "digest": "of a secret", "device_id": NUMBER},
        erasure=Removed(),
    ),
    PersonalTable(
        model=Totp,
        ways=by_id,
        told=("begun_at", "confirmed_at", "last_used_at"),
        withheld={"user": OWN, "secret": "an encrypted secret", "last_step": "a counter"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=RecoveryCode,
        ways=by_id,
        told=("used_at",),
        withheld={"id": NUMBER, "user": OWN, "digest": "of a secret"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=Passkey,
        ways=by_id,
        told=(
            *("id", "name", "aaguid", "is_syncable", "is_backed_up"),
            *("created_at", "last_used_at"),
        ),
        withheld={
            "user": OWN,
            "credential_id": "what a device looks its key up by",
            "public_key": "what signatures are verified by",
            "sign_count": "a counter",
        },
        erasure=Removed(),
    ),
    PersonalTable(
        model=Session,
        ways=by_id,
        told=(
            *("id", "user_agent", "ip", "created_at", "last_seen_at", "expires_at"),
            *("methods", "aal", "authenticated_at", "factor_at", "impersonation_reason"),
        ),
        withheld={
            "user": OWN,
            "cookie_digest": "of a secret",
            "impersonator": "an administrator, of whom nothing else is told either",
        },
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
