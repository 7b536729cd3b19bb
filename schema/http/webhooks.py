"""What webhooks send of events: a selection, executed as the webhook's owner.

It takes the path of all operations, with their limits and what the owner may see. Only the owner's
budget is not charged: the owner has not sent the events.
"""

import logging
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from graphql import FragmentDefinitionNode, GraphQLError

from core.security.actor import Actor
from engine.deadline import Deadline, OperationCancelledError
from engine.result.bounds import Bounds, ResponseTooLargeError
from schema.context import Context
from schema.documents.document import Document, document
from schema.errors import format_error
from schema.http.execution import execute, problems
from schema.nodes import global_id
from users.webhooks.payloads import PayloadError, SelectionInvalidError
from users.webhooks.states import WebhookDeliveryError

logger = logging.getLogger(__name__)

# The selection comes last, so that it can neither end early nor hide what follows.
QUERY: Final = "query ($id: ID!) { node(id: $id) { ...Payload } } fragment Payload on Event "
DEFINITIONS: Final = 2
# A payload is rendered for each event.
MAX_POINTS: Final = 10
MAX_BYTES: Final = 256_000
# More than a statement may take, so that most need no time-out of their own (`engine.deadline`).
SECONDS: Final = 10.0


class EventRenderer:
    """Executes selections over events; see `users.webhooks.payloads.PayloadRenderer`."""

    def check(self, selection: str) -> None:
        """Raise `SelectionInvalidError` unless the selection is valid and within the limits."""
        # Not cached: it may be refused.
        _check(_parsed(selection, Document))

    def render(self, selection: str, event_id: UUID, *, actor: Actor) -> dict[str, Any]:
        """Return what is selected of an event that the actor may see.

        Raises `PayloadError`, and `SelectionInvalidError` if the schema has changed since.
        """
        found = _parsed(selection, document)
        _check(found)
        deadline = Deadline(SECONDS, settings.STATEMENT_TIMEOUT / 1_000)
        context = Context(actor=actor, bounds=Bounds(MAX_BYTES, deadline), is_charged=False)
        variables = {"id": global_id("Event", event_id)}
        try:
            with deadline, context.bounds:
                result = execute(found.source, None, variables, context, read_only=True)
        except ResponseTooLargeError:
            raise PayloadError(WebhookDeliveryError.PAYLOAD_TOO_LARGE) from None
        except OperationCancelledError:
            raise PayloadError(WebhookDeliveryError.PAYLOAD_FAILED) from None
        if result.errors:
            # It logs what is a fault of the service.
            codes = {format_error(error)["extensions"]["code"] for error in result.errors}
            logger.warning("webhook payload failed", extra={"codes": ", ".join(sorted(codes))})
            raise PayloadError(WebhookDeliveryError.PAYLOAD_FAILED)
        event: dict[str, Any] | None = (result.data or {}).get("node")
        if event is None:
            raise PayloadError(WebhookDeliveryError.NOT_VISIBLE)
        return event


renderer: Final = EventRenderer()


def _parsed(selection: str, parse: Callable[[str], Document]) -> Document:
    """Return the document of a selection. Raises `SelectionInvalidError`."""
    try:
        return parse(f"{QUERY}{selection}")
    except GraphQLError as error:
        raise SelectionInvalidError(error.message) from None


def _check(found: Document) -> None:
    """Raise `SelectionInvalidError` unless a document is valid and within the limits."""
    *_query, last = found.syntax.definitions
    is_single = len(found.syntax.definitions) == DEFINITIONS
    # graphql-core accepts `{ }`.
    is_empty = not isinstance(last, FragmentDefinitionNode) or not last.selection_set.selections
    if is_empty or not is_single:
        raise SelectionInvalidError("Enter one selection only, such as { id tag createdAt }.")
    errors = problems(found)
    if errors:
        raise SelectionInvalidError(errors[0].message)
    cost = found.cost(None)
    if cost is not None and cost.evaluate(None).points > MAX_POINTS:
        raise SelectionInvalidError("The selection may return too much. Request smaller pages.")
