"""Failed outbox messages: retrying and deleting them."""

from collections.abc import Collection
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.outbox.models import OutboxMessage
from core.outbox.registry import retry
from core.security.actor import Actor
from users.accounts.policy import may_administer, require
from users.activity.services.record import record
from users.activity.tags import Tag

# In one transaction, which writes an event for each.
MAX_MESSAGES: Final = 500


@transaction.atomic(durable=True)
def retry_messages(ids: Collection[int], *, actor: Actor) -> list[int]:
    """Retry failed messages of the outbox; return the ids of those that had failed.

    Raises `InputRejectedError` if none had, or for more than `MAX_MESSAGES`, and the policy's
    errors.
    """
    _require(ids, actor=actor)
    return _recorded(Tag.OUTBOX_MESSAGE_RETRIED, retry(ids), actor=actor)


@transaction.atomic(durable=True)
def drop_messages(ids: Collection[int], *, actor: Actor) -> list[int]:
    """Delete failed messages of the outbox; return the ids of those that had failed.

    Raises what `retry_messages` does.
    """
    _require(ids, actor=actor)
    return _recorded(Tag.OUTBOX_MESSAGE_DROPPED, OutboxMessage.objects.drop(ids), actor=actor)


def _require(ids: Collection[int], *, actor: Actor) -> None:
    require(actor, may_administer)
    if len(ids) > MAX_MESSAGES:
        message = _("Select at most %(most)d messages.") % {"most": MAX_MESSAGES}
        raise InputRejectedError(Problem(GenericErrorCode.VALUE_INVALID, message, ("ids",)))


def _recorded(tag: Tag, ids: list[int], *, actor: Actor) -> list[int]:
    """Record an event for each message. Raises `InputRejectedError` if there is none."""
    if not ids:
        message = _("This failed message does not exist.")
        raise InputRejectedError(Problem(GenericErrorCode.NOT_FOUND, message, ("ids",)))
    for message_id in ids:
        record(tag, actor=actor, subject_id=None, message=message_id)
    return ids
