"""Deliverability of addresses, by the last reply of the SMTP server or the provider."""

from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from core.security.actor import SYSTEM
from users.accounts.models import EmailAddress, User
from users.activity.services.record import record
from users.activity.tags import Tag

PRIMARY: Final = "email_undeliverable_at"
SECONDARY: Final = "undeliverable_at"


@transaction.atomic(durable=True)
def mark_undeliverable(email: str, *, reason: str, is_ours: bool = True) -> None:
    """Mark an address as undeliverable after a permanent rejection of its mailbox.

    ``reason`` has codes only. Records an event unless the address is marked already, and also for
    an address without an account, such as a sign-up's. Without ``is_ours``, others may have sent
    the mail, so such an address is not recorded.
    """
    now = timezone.now()
    primary = User.objects.filter(email=email)
    secondary = EmailAddress.objects.filter(email=email)
    owners: list[UUID | None] = [
        *_write(primary.filter(**{PRIMARY: None}), "pk", {PRIMARY: now}),
        *_write(secondary.filter(**{SECONDARY: None}), "user_id", {SECONDARY: now}),
    ]
    if is_ours and not (owners or primary.exists() or secondary.exists()):
        owners = [None]
    for owner in owners:
        record(
            Tag.EMAIL_UNDELIVERABLE,
            actor=SYSTEM,
            subject_id=owner,
            personal={"email": email},
            reason=reason,
        )


@transaction.atomic(durable=True)
def mark_deliverable(email: str) -> None:
    """Remove the mark of an address that accepted mail; no-op without a mark."""
    clear_undeliverable(email)


def clear_undeliverable(email: str) -> None:
    """Remove the mark of an address, if any, in the caller's transaction."""
    primary = User.objects.filter(email=email, email_undeliverable_at__isnull=False)
    secondary = EmailAddress.objects.filter(email=email, undeliverable_at__isnull=False)
    owners = [
        *_write(primary, "pk", {PRIMARY: None}),
        *_write(secondary, "user_id", {SECONDARY: None}),
    ]
    for owner in owners:
        record(Tag.EMAIL_DELIVERABLE, actor=SYSTEM, subject_id=owner, personal={"email": email})


def _write(rows: QuerySet[Model], owner: str, values: dict[str, object]) -> list[UUID]:
    """Update the rows, of which there is at most one; return the owners' ids.

    Deadlock order: the user before the address, whose triggers lock the user as well.
    """
    owners = list(rows.values_list(owner, flat=True))
    if owners:
        list(User.objects.filter(pk__in=owners).select_for_update().values_list("pk"))
    # Conditional update, so that only one of two workers records the event.
    return owners if rows.update(**values) else []
