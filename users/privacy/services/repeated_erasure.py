"""Erasures that are repeated after a back-up was restored."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.security.actor import SYSTEM
from users.accounts.models import User
from users.privacy.models import AccountDeletion
from users.privacy.services.deletion import deactivate_account
from users.privacy.services.erasure import erase_user


def erased_users(since: datetime | None = None) -> Iterator[tuple[UUID, datetime]]:
    """Yield the ids of erased users and when they were erased, oldest first."""
    erased = User.objects.filter(erased_at__isnull=False)
    if since is not None:
        erased = erased.filter(erased_at__gte=since)
    rows = erased.order_by("erased_at", "pk").values_list("pk", "erased_at")
    yield from rows.iterator()  # type: ignore[misc] # none of the times is null


def repeat_erasure(user_id: UUID) -> bool:
    """Erase a user at once; return whether there was something to erase.

    There is no grace period, which is over, and no check for other owners or administrators, which
    were made when the deletion was requested. Safe to repeat after an interruption.
    """
    with transaction.atomic(durable=True):
        user = User.objects.select_for_update().filter(pk=user_id, erased_at=None).first()
        if user is None:
            return False
        now = timezone.now()
        deletion, _is_new = AccountDeletion.objects.update_or_create(
            user=user, defaults={"expires_at": now}
        )
        deactivate_account(user, deletion, actor=SYSTEM)
    erase_user(user_id)
    return True
