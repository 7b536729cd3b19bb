"""Personal data in sessions, tokens and second factors."""

from django.db.models import Q

from core.database.sealed_columns import SealedColumn, register_sealed_columns
from users.accounts.personal_data import LINK, NUMBER, OWN, by_id
from users.activity.personal_data_registry import (
    DeleteRows,
    PersonalTable,
    register_buckets,
    register_tables,
)
from users.authentication.factors.one_time_codes import seal_secret, unseal_secret
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
from users.authentication.throttling import second_factor_buckets, user_buckets

register_buckets(
    lambda subject: [*user_buckets(subject.id, subject.logins), *second_factor_buckets(subject.id)]
)

register_sealed_columns(SealedColumn(Totp, "secret", seal_secret, unseal_secret))

register_tables(
    PersonalTable(
        model=RefreshToken,
        row_conditions=lambda subject: [Q(session__user=subject.id)],
        exported=("created_at", "expires_at", "used_at"),
        not_exported={
            "id": NUMBER,
            "session": NUMBER,
            "digest": "of a secret",
            "successor": "an encrypted secret",
        },
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=PasskeyChallenge,
        row_conditions=lambda subject: [Q(session__user=subject.id), Q(log_in__user=subject.id)],
        exported=("purpose", "expires_at"),
        not_exported={"id": NUMBER, "session": NUMBER, "log_in": NUMBER, "digest": "of a secret"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=PendingLogIn,
        row_conditions=by_id,
        exported=("transport", "expires_at"),
        not_exported={"id": NUMBER, "user": OWN, "digest": "of a secret", "device_id": NUMBER},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Totp,
        row_conditions=by_id,
        exported=("begun_at", "confirmed_at", "last_used_at"),
        not_exported={"user": OWN, "secret": "an encrypted secret", "last_step": "a counter"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=RecoveryCode,
        row_conditions=by_id,
        exported=("used_at",),
        not_exported={"id": NUMBER, "user": OWN, "digest": "of a secret"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Passkey,
        row_conditions=by_id,
        exported=(
            *("id", "name", "aaguid", "is_syncable", "is_backed_up"),
            *("created_at", "last_used_at"),
        ),
        not_exported={
            "user": OWN,
            "credential_id": "the authenticator's handle of its key",
            "public_key": "verifies the passkey's signatures",
            "sign_count": "a counter",
        },
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Session,
        row_conditions=by_id,
        exported=(
            *("id", "user_agent", "ip", "created_at", "last_seen_at", "expires_at"),
            *("methods", "aal", "authenticated_at", "factor_at", "impersonation_reason"),
        ),
        not_exported={
            "user": OWN,
            "cookie_digest": "of a secret",
            "impersonator": "identifies an administrator",
        },
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=ApiToken,
        row_conditions=by_id,
        exported=(
            *("id", "name", "scopes", "created_at", "expires_at", "last_used_at", "rotated_at"),
        ),
        not_exported={"user": OWN, "digest": "of a secret"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=PasswordReset,
        row_conditions=by_id,
        exported=("email", "expires_at"),
        not_exported={"id": NUMBER, "nonce": LINK, "user": OWN},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Suspension,
        row_conditions=by_id,
        exported=("reason", "until", "created_at"),
        not_exported={"user": OWN},
        erasure=DeleteRows(),
    ),
)
