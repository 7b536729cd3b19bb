"""Sessions, tokens and passwords for users of the dataset.

Models are imported within functions, because they need the settings of the dataset, which
`bench.__main__` sets first.
"""

import time
from itertools import count
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone

PASSWORD: Final = "a phrase to remember"  # noqa: S105 - of generated users
DEVICE: Final = "bench"


def access_tokens(staff: str, others: list[UUID]) -> list[str]:
    """Create a session for the user ``staff`` and each of ``others``; return access tokens.

    Sessions of earlier runs are ended.
    """
    from users.accounts.models import User  # noqa: PLC0415 - see above
    from users.authentication.models import Session  # noqa: PLC0415
    from users.authentication.sessions.access_tokens import issue_access_token  # noqa: PLC0415
    from users.authentication.sessions.expiry import idle_expiry  # noqa: PLC0415

    Session.objects.filter(user_agent=DEVICE).delete()
    user_ids = [User.objects.get(username=staff).pk, *others]
    sessions = Session.objects.bulk_create(
        Session(user_id=user_id, user_agent=DEVICE, expires_at=idle_expiry(timezone.now()))
        for user_id in user_ids
    )
    return [issue_access_token(session) for session in sessions]


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
