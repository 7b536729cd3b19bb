"""Background work of authentication."""

from typing import Final

from celery import shared_task
from django.conf import settings
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone, translation

from core import mail
from core.actor import SYSTEM
from core.db import delete_in_batches, write_in_batches
from core.outbox.registry import subscriber
from users.accounts.models import LastSeen, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication import mails
from users.authentication.models import (
    ApiToken,
    PasswordReset,
    RefreshToken,
    Session,
    Suspension,
)
from users.authentication.services.passwords import prepare_password_reset
from users.authentication.services.suspension import lift_suspension

LIFTED_AT_ONCE: Final = 500


@shared_task(name="users.authentication.prune_sessions")
def prune_sessions() -> None:
    """Remove sessions and refresh tokens that have run out, and successors of no more use.

    Whoever found a used token, in a log or a backup, could read its successor from the row, the
    next from that, and so on to the one that works. So a successor goes when its grace is over.
    """
    write_in_batches(
        RefreshToken.objects.past_grace(), lambda tokens: tokens.update(successor=None)
    )
    delete_in_batches(RefreshToken.objects.expired())
    delete_in_batches(Session.objects.expired())


@subscriber(Tag.PASSWORD_RESET_REQUESTED)
@subscriber(Tag.PASSWORD_RESET_FORCED)
def mail_password_reset(event_id: str) -> None:
    """Mail the link to choose a new password, if there is anybody to write to."""
    event = Event.objects.only("tag", "subject_id", "data").get(pk=event_id)
    if event.subject_id is None:
        return
    reset = prepare_password_reset(event.subject_id, address_id=event.data.get("address"))
    if reset is None:
        return
    user = User.objects.select_related("profile").get(pk=reset.user_id)
    is_forced = event.tag == Tag.PASSWORD_RESET_FORCED
    text = mails.forced_password_reset if is_forced else mails.password_reset
    url = f"{settings.LINKS_URL}/reset-password#token={reset.token}"
    with translation.override(user.profile.locale):
        mail.send(text(name=user.get_full_name(), url=url), to=reset.email)


@subscriber(Tag.PASSWORD_CHANGED)
@subscriber(Tag.PASSWORD_RESET)
def mail_password_changed(event_id: str) -> None:
    """Tell the person that their password is another now."""
    person = Event.objects.values("subject_id").filter(pk=event_id)
    user = User.objects.select_related("profile").filter(pk__in=person).first()
    if user is None:
        return
    with translation.override(user.profile.locale):
        mail.send(mails.password_changed(name=user.get_full_name()), to=user.email)


@shared_task(name="users.authentication.prune_password_resets")
def prune_password_resets() -> None:
    """Remove resets whose time is up."""
    delete_in_batches(PasswordReset.objects.expired())


@subscriber(Tag.API_TOKEN_CREATED)
@subscriber(Tag.API_TOKEN_ROTATED)
def mail_api_token_created(event_id: str) -> None:
    """Tell the person that a token speaks for them; a program has no mailbox."""
    event = Event.objects.select_related("details").get(pk=event_id)
    people = User.objects.people().select_related("profile")
    user = people.filter(pk=event.subject_id).first() if event.subject_id else None
    if user is None:
        return
    with translation.override(user.profile.locale):
        text = mails.api_token_created(
            name=user.get_full_name(),
            token=event.personal_values.get("name", ""),
            scopes=", ".join(event.data["scopes"]),
        )
        mail.send(text, to=user.email)


@shared_task(name="users.authentication.prune_api_tokens")
def prune_api_tokens() -> None:
    """Remove API tokens that have run out."""
    delete_in_batches(ApiToken.objects.expired())


@shared_task(name="users.authentication.note_last_seen")
def note_last_seen() -> None:
    """Write to people when they were last seen, as far as their sessions tell.

    Each run looks at the time since the one before the last, so one that did not take place
    leaves no gap.
    """
    since = timezone.now() - 3 * settings.LAST_SEEN_PRECISION
    latest = Session.objects.filter(user=OuterRef("user")).order_by("-last_seen_at")
    latest_use = Subquery(latest.values("last_seen_at")[:1])
    in_use = Session.objects.in_use_since(since)
    behind = LastSeen.objects.filter(
        Q(at=None) | Q(at__lt=latest_use), user__in=in_use.values("user_id")
    )
    write_in_batches(behind, lambda rows: rows.update(at=latest_use))


@shared_task(name="users.authentication.lift_suspensions")
def lift_suspensions() -> None:
    """Reactivate people whose suspension is over, each in a transaction, in a bounded batch."""
    over = Suspension.objects.over().order_by("until").values_list("pk", flat=True)
    for user_id in list(over[:LIFTED_AT_ONCE]):
        lift_suspension(user_id, actor=SYSTEM)
