"""Reads of the service's tables for `tests.authentication.identity`."""

import datetime as dt
import json
from typing import Any, Final

from django.db import connection
from django.db.models import F

from users.accounts.models import EmailChange, Profile, SignUp, User
from users.authentication.models import (
    PasswordReset,
    PendingLogIn,
    RecoveryCode,
    RefreshToken,
    Session,
    Suspension,
    Totp,
)

AGEING: Final[dict[Any, tuple[str, ...]]] = {
    SignUp: ("expires_at",),
    EmailChange: ("expires_at",),
    PasswordReset: ("expires_at",),
    Session: ("created_at", "last_seen_at", "expires_at", "authenticated_at", "factor_at"),
    PendingLogIn: ("expires_at",),
    Totp: ("begun_at", "confirmed_at", "last_used_at"),
    RecoveryCode: ("used_at",),
    RefreshToken: ("created_at", "expires_at", "used_at"),
    Suspension: ("created_at", "until"),
}

Rows = dict[str, list[dict[str, Any]]]
# All columns that a refusal must not change. `last_seen_at` changes with every request.
ROWS: Final = " UNION ALL ".join(
    f"SELECT '{kind.__name__}', to_jsonb(row) - 'last_seen_at' FROM {kind._meta.db_table} row"  # noqa: S608
    for kind in (User, Profile, *AGEING)
)


def rows() -> Rows:
    found: Rows = {kind.__name__: [] for kind in (User, Profile, *AGEING)}
    with connection.cursor() as cursor:
        cursor.execute(f"{ROWS} ORDER BY 1, 2")
        for name, row in cursor.fetchall():
            found[name].append(json.loads(row))
    return found


def age(time: dt.timedelta) -> None:
    """Age every row by ``time``."""
    for kind, names in AGEING.items():
        kind.objects.update(**{name: F(name) - time for name in names})


def token_of(kind: Any, **conditions: Any) -> str:
    """Return the token that a mail sent now would contain."""
    link = kind.objects.filter(**conditions).order_by("-pk").first()
    return link.token if link else ""
