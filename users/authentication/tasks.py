"""Periodic tasks and event subscribers of authentication."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from core.database.batches import delete_in_batches, write_in_batches
from core.email.message import Mail
from core.email.words import Reader
from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from core.security.actor import SYSTEM
from users.accounts.mail_recipients import mail_user
from users.accounts.models import LastSeen, User
from users.accounts.services.sign_up_notices import Notice, register_inactive_state
from users.activity.models import Event
from users.activity.services.roll_up import BATCH, roll_up_uses
from users.activity.tags import Tag
from users.authentication import mails
from users.authentication.models import (
    ApiToken,
    PasskeyChallenge,
    PasswordReset,
    PendingLogIn,
    RefreshToken,
    Session,
    Suspension,
    Totp,
)
from users.authentication.services.impersonation import end_expired_impersonations
from users.authentication.services.passwords import prepare_password_reset
from users.authentication.services.remaining_access import describe_access, remaining_access
from users.authentication.services.suspension import lift_suspension, suspension_of

LIFT_BATCH: Final = 500
# Of resets that the user did not request.
RESET_TEXTS: Final[Mapping[str, Callable[..., Mail]]] = {
    Tag.PASSWORD_RESET_FORCED: mails.forced_password_reset,
    Tag.EMAIL_CHANGE_UNDONE: mails.email_change_undone,
}


@register_inactive_state
def _suspension_notice(user: User) -> Notice | None:
    suspension = suspension_of(user)
    if suspension is None:
        return None
    return partial(mails.sign_up_while_suspended, until=suspension.until)


@periodic("users.authentication.prune_sessions", every=dt.timedelta(minutes=10))
def prune_sessions() -> None:
    """Delete expired sessions and refresh tokens, and clear successors after their grace period.

    Otherwise a used token from a log or a backup could decrypt its successor in the row, then
    the next one, and so on up to the valid token.
    """
    write_in_batches(
        RefreshToken.objects.past_refresh_grace(), lambda tokens: tokens.update(successor=None)
    )
    delete_in_batches(RefreshToken.objects.expired())
    delete_in_batches(Session.objects.interactive().expired())
    end_expired_impersonations(actor=SYSTEM)


@subscriber(Tag.PASSWORD_RESET_REQUESTED, queue=Queue.MAIL)
@subscriber(Tag.PASSWORD_RESET_FORCED, queue=Queue.MAIL)
@subscriber(Tag.EMAIL_CHANGE_UNDONE, queue=Queue.MAIL)
def mail_password_reset(event_id: str) -> None:
    """Mail the password reset link, if the address belongs to an active user."""
    event = Event.objects.only("tag", "subject_id", "data").get(pk=event_id)
    if event.subject_id is None:
        return
    reset = prepare_password_reset(event.subject_id, address_id=event.data.get("address"))
    if reset is None:
        return
    user = User.objects.select_related("profile").get(pk=reset.user_id)
    text = RESET_TEXTS.get(event.tag, mails.password_reset)
    url = f"{settings.LINKS_URL}/reset-password#token={reset.token}"
    mail_user(user, partial(text, url=url), to=reset.email)


@subscriber(Tag.PASSWORD_CHANGED, queue=Queue.MAIL)
@subscriber(Tag.PASSWORD_RESET, queue=Queue.MAIL)
def mail_password_changed(event_id: str) -> None:
    """Notify the user of a changed password."""
    event = Event.objects.only("subject_id").get(pk=event_id)
    counts = remaining_access(event.subject_id) if event.subject_id else {}
    _mail_user(
        event_id,
        lambda reader, _data: mails.password_changed(reader, remaining=describe_access(counts)),
    )


def _mail_user(event_id: str, text: Callable[[Reader, Mapping[str, Any]], Mail]) -> None:
    """Mail the event's subject the text that ``text`` builds from the event's data."""
    event = Event.objects.only("data", "subject_id").get(pk=event_id)
    user = User.objects.select_related("profile").filter(pk__in=[event.subject_id]).first()
    if user is not None:
        mail_user(user, lambda reader: text(reader, event.data))


@subscriber(Tag.FACTOR_ADDED, queue=Queue.MAIL)
def mail_factor_added(event_id: str) -> None:
    """Notify the user of a new second factor."""
    _mail_user(
        event_id,
        lambda reader, data: mails.factor_added(reader, method=data["method"]),
    )


@subscriber(Tag.FACTOR_REMOVED, queue=Queue.MAIL)
def mail_factor_removed(event_id: str) -> None:
    """Notify the user of a removed second factor."""
    _mail_user(
        event_id,
        lambda reader, data: mails.factor_removed(reader, method=data["method"]),
    )


@subscriber(Tag.RECOVERY_CODE_USED, queue=Queue.MAIL)
def mail_recovery_code_used(event_id: str) -> None:
    """Notify the user of a used recovery code."""
    _mail_user(event_id, lambda reader, data: mails.recovery_code_used(reader, left=data["left"]))


@subscriber(Tag.RECOVERY_CODES_REGENERATED, queue=Queue.MAIL)
def mail_recovery_codes_regenerated(event_id: str) -> None:
    """Notify the user of new recovery codes."""
    _mail_user(event_id, lambda reader, _data: mails.recovery_codes_regenerated(reader))


@subscriber(Tag.FACTORS_RESET, queue=Queue.MAIL)
def mail_factors_reset(event_id: str) -> None:
    """Notify the user that an administrator removed all second factors."""
    _mail_user(event_id, lambda reader, _data: mails.factors_reset(reader))


@subscriber(Tag.IMPERSONATION_BEGUN, queue=Queue.MAIL)
def mail_impersonation_started(event_id: str) -> None:
    """Notify the user of an impersonation, while they can still end it."""
    _mail_user(
        event_id,
        lambda reader, data: mails.impersonation_started(
            reader, until=dt.datetime.fromisoformat(data["expires_at"])
        ),
    )


@periodic("users.authentication.prune_challenges", every=dt.timedelta(minutes=10))
def prune_challenges() -> None:
    """Delete expired passkey challenges, pending log-ins and TOTP enrollments."""
    delete_in_batches(PasskeyChallenge.objects.expired())
    delete_in_batches(PendingLogIn.objects.expired())
    stale = timezone.now() - settings.TOTP_ENROLLMENT_TTL
    delete_in_batches(Totp.objects.filter(confirmed_at=None, begun_at__lte=stale))


@periodic("users.authentication.prune_password_resets", every=dt.timedelta(minutes=10))
def prune_password_resets() -> None:
    """Delete expired password resets."""
    delete_in_batches(PasswordReset.objects.expired())


@subscriber(Tag.API_TOKEN_CREATED, queue=Queue.MAIL)
@subscriber(Tag.API_TOKEN_ROTATED, queue=Queue.MAIL)
def mail_api_token_created(event_id: str) -> None:
    """Notify the owner of a new API token, unless it is a service account."""
    event = Event.objects.select_related("details").get(pk=event_id)
    users = User.objects.exclude_service_accounts().select_related("profile")
    user = users.filter(pk=event.subject_id).first() if event.subject_id else None
    if user is None:
        return
    name, scopes = event.personal_values.get("name", ""), ", ".join(event.data["scopes"])
    mail_user(user, partial(mails.api_token_created, token=name, scopes=scopes))


@periodic("users.authentication.prune_api_tokens", every=dt.timedelta(minutes=10))
def prune_api_tokens() -> None:
    """Delete expired API tokens."""
    delete_in_batches(ApiToken.objects.expired())


@periodic("users.authentication.record_last_seen", every=dt.timedelta(minutes=5))
def record_last_seen() -> None:
    """Copy the last use of users' sessions to `LastSeen`; impersonations do not count.

    Each run covers three times `settings.LAST_SEEN_PRECISION`, so a missed run leaves no gap.
    """
    since = timezone.now() - 3 * settings.LAST_SEEN_PRECISION
    sessions = Session.objects.interactive()
    latest = sessions.filter(user=OuterRef("user")).order_by("-last_seen_at")
    latest_use = Subquery(latest.values("last_seen_at")[:1])
    in_use = sessions.in_use_since(since)
    stale = LastSeen.objects.filter(
        Q(at=None) | Q(at__lt=latest_use), user__in=in_use.values("user_id")
    )
    write_in_batches(stale, lambda rows: rows.update(at=latest_use))


@periodic("users.authentication.roll_up_uses", every=dt.timedelta(minutes=5))
def roll_up_uses_of_sessions() -> None:
    """Count users as active who used a session; see `record_last_seen`."""
    uses = Session.objects.uncounted_uses(since=timezone.now() - 3 * settings.LAST_SEEN_PRECISION)
    while roll_up_uses(uses[:BATCH]) == BATCH:
        pass


@periodic("users.authentication.lift_suspensions", every=dt.timedelta(minutes=1))
def lift_suspensions() -> None:
    """Reactivate users whose suspension has expired, at most `LIFT_BATCH` per run.

    Each user has a transaction of their own.
    """
    expired = Suspension.objects.expired().order_by("until").values_list("pk", flat=True)
    for user_id in list(expired[:LIFT_BATCH]):
        lift_suspension(user_id, actor=SYSTEM)
