"""Whether mail to an account's addresses is accepted, as the SMTP server last said."""

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
def mark_undeliverable(email: str, *, reason: str) -> None:
    """Note that mail to an address was refused for good because of the address.

    ``reason`` is what `core.email.smtp_replies` makes of the reply, and holds codes alone. An
    address that is marked already leaves no event. One without an account, such as that of a
    sign-up, leaves an event only.
    """
    now = timezone.now()
    primary = User.objects.filter(email=email)
    secondary = EmailAddress.objects.filter(email=email)
    owners: list[UUID | None] = [
        *_write(primary.filter(**{PRIMARY: None}), "pk", {PRIMARY: now}),
        *_write(secondary.filter(**{SECONDARY: None}), "user_id", {SECONDARY: now}),
    ]
    if not owners and not primary.exists() and not secondary.exists():
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
    """Note that mail to an address was accepted; one that was not marked leaves no event."""
    clear_undeliverable(email)


def clear_undeliverable(email: str) -> None:
    """Remove the mark of an address in the caller's transaction, if it has one."""
    primary = User.objects.filter(email=email, email_undeliverable_at__isnull=False)
    secondary = EmailAddress.objects.filter(email=email, undeliverable_at__isnull=False)
    owners = [
        *_write(primary, "pk", {PRIMARY: None}),
        *_write(secondary, "user_id", {SECONDARY: None}),
    ]
    for owner in owners:
        record(Tag.EMAIL_DELIVERABLE, actor=SYSTEM, subject_id=owner, personal={"email": email})


def _write(rows: QuerySet[Model], owner: str, values: dict[str, object]) -> list[UUID]:
    """Write to the rows; return whose they are. There is one at the most: addresses are unique."""
    owners = list(rows.values_list(owner, flat=True))
    # Conditional, so that of two workers one records the event.
    return owners if rows.update(**values) else []
