"""What is sent of an event: rendered by the API, which is above this app."""

from functools import cache
from typing import Any, Final, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from core.security.actor import Actor
from users.webhooks.states import WebhookDeliveryError

# Without personal data: receivers query what else they need.
DEFAULT_SELECTION: Final = "{ id tag createdAt actor { id } subject { id } data }"


class SelectionInvalidError(Exception):
    """A selection is not valid; the text says why."""


class PayloadError(Exception):
    """An event cannot be rendered."""

    def __init__(self, error: WebhookDeliveryError) -> None:
        """Carry the reason, for the log of deliveries."""
        super().__init__(error)
        self.error = error


class PayloadRenderer(Protocol):
    """Executes selections over events."""

    def check(self, selection: str) -> None:
        """Raise `SelectionInvalidError` unless the selection is valid and within the limits."""

    def render(self, selection: str, event_id: UUID, *, actor: Actor) -> dict[str, Any]:
        """Return what is selected of an event, as JSON that the actor may see.

        Raises `PayloadError` and, if the schema has changed since, `SelectionInvalidError`.
        """


@cache
def payload_renderer() -> PayloadRenderer:
    """Return the renderer named by `settings.WEBHOOK_RENDERER`."""
    return cast("PayloadRenderer", import_string(settings.WEBHOOK_RENDERER))
