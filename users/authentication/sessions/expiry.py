"""Session expiry, and recording the use of sessions and API tokens."""

from datetime import UTC, datetime

from django.db.models import Q
from django.utils import timezone

from core.cached_settings import settings
from users.authentication.models import ApiToken, Session
from users.authentication.sessions.credentials import ActiveApiToken, ActiveSession


def idle_expiry(created_at: datetime) -> datetime:
    """Return the expiry of a session used now: the idle timeout, within the maximum age.

    See `settings.SESSION_IDLE_TTL` and `settings.SESSION_MAX_AGE`.
    """
    return min(timezone.now() + settings.SESSION_IDLE_TTL, created_at + settings.SESSION_MAX_AGE)


def extended_expiry(session: Session) -> datetime:
    """Return the expiry of a session used now; impersonations are never extended."""
    return session.expires_at if session.impersonator_id else idle_expiry(session.created_at)


def has_recent_use(used_at: datetime | None) -> bool:
    """Return whether the last use is within `settings.LAST_SEEN_PRECISION`."""
    return used_at is not None and used_at > datetime.now(UTC) - settings.LAST_SEEN_PRECISION


def record_session_use(session: Session | ActiveSession, *, by_cookie: bool) -> None:
    """Update the session's last use, at most once per `settings.LAST_SEEN_PRECISION`.

    This also extends cookie sessions; token sessions are extended by refreshing. Of concurrent
    requests one writes. A recent use costs no query.
    """
    if has_recent_use(session.last_seen_at):
        return
    now = timezone.now()
    stale_at = now - settings.LAST_SEEN_PRECISION
    changes = {"last_seen_at": now}
    if by_cookie:
        changes["expires_at"] = idle_expiry(session.created_at)
    Session.objects.filter(pk=session.pk, last_seen_at__lte=stale_at).update(**changes)


def record_token_use(token: ActiveApiToken) -> None:
    """Update the token's last use, at most once per `settings.LAST_SEEN_PRECISION`."""
    if has_recent_use(token.last_used_at):
        return
    now = timezone.now()
    stale_at = now - settings.LAST_SEEN_PRECISION
    is_stale = Q(last_used_at=None) | Q(last_used_at__lte=stale_at)
    ApiToken.objects.filter(is_stale, pk=token.pk).update(last_used_at=now)
