"""Lookup of webhooks, and of the actor's role in their organisation."""

from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.activity.models import EventSeal
from users.organizations.roles import Role
from users.organizations.services.lookup import get_role
from users.webhooks.models import Webhook
from users.webhooks.policy import may_list_webhooks


def find_webhook_for_update(
    webhook_id: UUID | None, *, actor: Actor
) -> tuple[Webhook, Role | None]:
    """Return a visible webhook, locked for update, and the actor's role or None.

    Raises `InputRejectedError` if it does not exist or is not visible, and the policy's errors.
    """
    require(actor, may_list_webhooks)
    visible = Webhook.objects.visible_to(actor).select_for_update(of=("self",))
    webhook = visible.filter(pk=webhook_id).first() if webhook_id else None
    if webhook is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("This webhook does not exist."), ("webhook_id",))
        )
    return webhook, get_role(webhook.organization_id, actor.user_id)


def last_position() -> int:
    """Return the place of the last sealed event; 0 if there is none."""
    last = EventSeal.objects.order_by("-sequence").values_list("sequence", flat=True)
    return last.first() or 0
