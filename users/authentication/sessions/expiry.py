"""How long a session lasts, and what its use does to that."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from users.authentication.models import ApiToken, Session
from users.authentication.sessions.credentials import LiveSession, LiveToken


def idle_expiry(created_at: datetime) -> datetime:
    """Return when a session that is used at this moment ends unless it is used again.

    That is never later than `settings.SESSION_MAX_AGE` after it began.
    """
    return min(timezone.now() + settings.SESSION_IDLE_TTL, created_at + settings.SESSION_MAX_AGE)


def extended_expiry(session: Session) -> datetime:
    """Return when the session ends that is used at this moment; an impersonation stays as it is."""
    return session.expires_at if session.impersonator_id else idle_expiry(session.created_at)


def record_session_use(session: Session | LiveSession, *, by_cookie: bool) -> None:
    """Remember that the session is in use, once in `settings.LAST_SEEN_PRECISION`.

    A session in a cookie is prolonged by that; refreshing prolongs one of tokens. Of several
    requests at once, one writes; a session that was just noted costs no statement.
    """
    now = timezone.now()
    long_ago = now - settings.LAST_SEEN_PRECISION
    if session.last_seen_at > long_ago:
        return
    changes = {"last_seen_at": now}
    if by_cookie:
        changes["expires_at"] = idle_expiry(session.created_at)
    Session.objects.filter(pk=session.pk, last_seen_at__lte=long_ago).update(**changes)


def record_token_use(token: LiveToken) -> None:
    """Remember that the API token is in use, once in `settings.LAST_SEEN_PRECISION`."""
    now = timezone.now()
    long_ago = now - settings.LAST_SEEN_PRECISION
    if token.last_used_at is None or token.last_used_at <= long_ago:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=long_ago)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
