"""Retries of failed outbox messages."""

from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.outbox.registry import retry
from core.security.actor import Actor
from users.accounts.policy import may_administer, require
from users.activity.services.record import record
from users.activity.tags import Tag


@transaction.atomic(durable=True)
def retry_message(message_id: int, *, actor: Actor) -> None:
    """Retry a failed message of the outbox.

    Raises `InputRejectedError` if the message does not exist or did not fail, and the policy's
    errors.
    """
    require(actor, may_administer)
    if not retry(message_id):
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("This failed message does not exist."),
                ("message_id",),
            )
        )
    record(Tag.OUTBOX_MESSAGE_RETRIED, actor=actor, subject_id=None, message=message_id)
