"""Who must have a second factor, and from when on."""

import datetime as dt

from django.conf import settings


def is_factor_required(*, is_staff: bool) -> bool:
    """Tell whether people of this kind must have a second factor sooner or later."""
    return settings.SECOND_FACTOR == "all" or (settings.SECOND_FACTOR == "staff" and is_staff)


def due_at(date_joined: dt.datetime, *, is_staff: bool) -> dt.datetime | None:
    """Return from when on somebody may do nothing without one; None if that is never.

    The time to set one up begins with the account or, if that is older, with the policy.
    """
    if not is_factor_required(is_staff=is_staff):
        return None
    since: dt.datetime | None = settings.SECOND_FACTOR_SINCE
    begins = max(date_joined, since) if since else date_joined
    return begins + settings.SECOND_FACTOR_GRACE


def is_enrollment_due(date_joined: dt.datetime, *, is_staff: bool) -> bool:
    """Tell whether that moment has come."""
    due = due_at(date_joined, is_staff=is_staff)
    return due is not None and due <= dt.datetime.now(dt.UTC)
