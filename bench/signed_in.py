"""Credentials for users of the dataset, and the users that a run creates.

Models are imported within functions, because they need the settings of the dataset, which
`bench.__main__` sets first.
"""

import json
import time
from collections.abc import Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone

if TYPE_CHECKING:
    from users.authentication.models import Session

PASSWORD: Final = "a phrase to remember"  # noqa: S105 - of generated users
DEVICE: Final = "bench"
# How the usernames of created users begin.
NEW_USERNAME: Final = "bench-"


def delete_earlier_runs() -> None:
    """Delete the sessions and the users that earlier runs created."""
    from users.accounts.models import User  # noqa: PLC0415 - see above
    from users.authentication.models import Session  # noqa: PLC0415

    Session.objects.filter(user_agent=DEVICE).delete()
    User.objects.filter(username__startswith=NEW_USERNAME).delete()


def user_id(username: str) -> UUID:
    """Return the id of a user."""
    from users.accounts.models import User  # noqa: PLC0415 - see above

    return User.objects.get(username=username).pk


def access_tokens(user_ids: Sequence[UUID]) -> list[str]:
    """Create a session for each user; return access tokens."""
    from users.authentication.sessions.access_tokens import issue_access_token  # noqa: PLC0415

    return [issue_access_token(session) for session in _sessions(user_ids)]


def refresh_tokens(user_ids: Sequence[UUID]) -> list[str]:
    """Create a session for each user; return refresh tokens."""
    from users.authentication.services.sessions import issue_tokens  # noqa: PLC0415 - see above

    signed_in = map(issue_tokens, _sessions(user_ids))
    return [each.refresh_token for each in signed_in if each.refresh_token]


def credentials_environment() -> dict[str, str]:
    """Return what the peers need for passwords and access tokens.

    The cost of Argon2id, and the key that verifies tokens, in JSON (RFC 7517).
    """
    from django.conf import settings  # noqa: PLC0415 - see above

    from users.authentication.sessions.access_tokens import public_keys  # noqa: PLC0415

    return {
        "BENCH_ARGON2_MEMORY_KIB": str(settings.ARGON2_MEMORY_KIB),
        "BENCH_ARGON2_PASSES": str(settings.ARGON2_PASSES),
        "BENCH_PUBLIC_KEY": json.dumps(public_keys()["keys"][0]),
    }


def _sessions(user_ids: Iterable[UUID]) -> "list[Session]":
    from users.authentication.models import Session  # noqa: PLC0415 - see above
    from users.authentication.sessions.expiry import idle_expiry  # noqa: PLC0415

    return Session.objects.bulk_create(
        Session(user_id=id_, user_agent=DEVICE, expires_at=idle_expiry(timezone.now()))
        for id_ in user_ids
    )


def give_passwords(user_ids: list[UUID]) -> list[str]:
    """Set the password of these users to `PASSWORD`; return their usernames."""
    from users.accounts.models import User  # noqa: PLC0415 - see above

    found = User.objects.filter(pk__in=user_ids)
    found.update(password=make_password(PASSWORD))
    return list(found.order_by("pk").values_list("username", flat=True))


def hashes_per_second(seconds: float) -> float:
    """Return how many passwords one thread verifies per second at production's cost."""
    encoded = make_password(PASSWORD)
    started = time.perf_counter()
    for done in count(1):
        check_password(PASSWORD, encoded)
        elapsed = time.perf_counter() - started
        if elapsed > seconds:
            return done / elapsed
    raise AssertionError


def administrator_cookie() -> tuple[str, str]:
    """Create a cookie session for an administrator; return the cookie's name and value."""
    from django.conf import settings  # noqa: PLC0415 - see above

    from core.security.crypto import digest, new_secret  # noqa: PLC0415
    from users.accounts.models import User  # noqa: PLC0415
    from users.authentication.models import Session  # noqa: PLC0415
    from users.authentication.sessions.expiry import idle_expiry  # noqa: PLC0415

    secret = new_secret()
    Session.objects.create(
        user=User.objects.administrators().order_by("id")[:1].get(),
        user_agent=DEVICE,
        cookie_digest=digest(secret),
        expires_at=idle_expiry(timezone.now()),
    )
    return settings.SESSION_COOKIE, secret
