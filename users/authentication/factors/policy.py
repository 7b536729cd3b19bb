"""Second factor enrollment policy: which users need one, and the deadline."""

import datetime as dt

from core.cached_settings import settings


def is_factor_required(*, is_staff: bool) -> bool:
    """Return whether `settings.SECOND_FACTOR` requires a second factor of this user."""
    return settings.SECOND_FACTOR == "all" or (settings.SECOND_FACTOR == "staff" and is_staff)


def due_at(date_joined: dt.datetime, *, is_staff: bool) -> dt.datetime | None:
    """Return the enrollment deadline; None if no second factor is required.

    The grace period starts when the account was created, or at `settings.SECOND_FACTOR_SINCE` if
    that is later.
    """
    if not is_factor_required(is_staff=is_staff):
        return None
    since: dt.datetime | None = settings.SECOND_FACTOR_SINCE
    grace_start = max(date_joined, since) if since else date_joined
    return grace_start + settings.SECOND_FACTOR_GRACE


def is_enrollment_due(date_joined: dt.datetime, *, is_staff: bool) -> bool:
    """Return whether the enrollment deadline has passed."""
    due = due_at(date_joined, is_staff=is_staff)
    return due is not None and due <= dt.datetime.now(dt.UTC)
