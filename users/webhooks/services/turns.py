"""Turns: a worker attempts the deliveries of one webhook for a few seconds.

A turn is one outbox message, which names its number, so a webhook has one worker at a time and its
deliveries keep their order. A hung receiver holds that worker for the time-out of a request, and
then pauses. If the webhook is deleted meanwhile, and its claim with it, the worker hangs up, or its
owner could hold all workers by deleting webhooks. If a worker is killed, its claim expires, and the
deliveries that it did not record are attempted again: receivers recognise them by their id.
"""

import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.security.actor import Actor
from users.activity.tags import Tag
from users.authentication.sessions.credentials import background_actor
from users.organizations.services.lookup import get_role
from users.webhooks.client import PARALLEL, Outcome, Request, Sender, UnwantedError
from users.webhooks.models import CLAIM, Webhook, WebhookDelivery
from users.webhooks.payloads import PayloadError, SelectionInvalidError, payload_renderer
from users.webhooks.policy import may_create_webhooks
from users.webhooks.services.claims import end_turn
from users.webhooks.services.disable import disable_webhook
from users.webhooks.signing import signed_headers
from users.webhooks.states import (
    FINAL,
    OURS,
    UNREACHABLE,
    WebhookDeliveryError,
    WebhookDeliveryState,
    WebhookDisabledReason,
)

logger = logging.getLogger(__name__)

# Far below the task time limit, together with the time-out of the last requests.
TURN: Final = timedelta(seconds=5)
# After this, a batch is sent without the deliveries that are not rendered yet.
RENDER_SECONDS: Final = 5.0
GONE: Final = 410
# Of retries, each about four times as late as the one before, within a day.
FIRST_DELAY: Final = timedelta(seconds=5)
LAST_DELAY: Final = timedelta(hours=4)
# Of an unreachable receiver.
FIRST_PAUSE: Final = timedelta(seconds=5)
LAST_PAUSE: Final = timedelta(minutes=10)
# Beyond them, both have reached their maxima.
MAX_EXPONENT: Final = 10
# An answer by which a webhook is slow, and for how long it is.
SLOW_ANSWER: Final = timedelta(seconds=2)
SLOW_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A delivery, and how its attempt ended."""

    delivery: WebhookDelivery
    outcome: Outcome


def run_turn(webhook_id: UUID, *, turn: int) -> None:
    """Attempt due deliveries; a turn that is over before continues as the next one.

    A redelivered message of a former turn does nothing.
    """
    ends_at = monotonic() + TURN.total_seconds()
    with Sender() as sender, suppress(UnwantedError):
        while webhook := _renew_claim(webhook_id, turn):
            if not _run_batch(webhook, sender) or monotonic() >= ends_at:
                break
    end_turn(webhook_id, turn=turn)


def _renew_claim(webhook_id: UUID, turn: int) -> Webhook | None:
    """Return the webhook, claimed for the next batch; None if this turn may not continue."""
    rows = Webhook.objects.enabled().filter(pk=webhook_id, turn=turn)
    rows.update(claimed_until=timezone.now() + CLAIM)
    return rows.first()


def _run_batch(webhook: Webhook, sender: Sender) -> bool:
    """Attempt the first due deliveries; return whether there were any, for others may follow."""
    actor = _actor(webhook)
    if isinstance(actor, WebhookDisabledReason):
        _disable(webhook, actor)
        return False
    ready = webhook.deliveries.ready()
    if webhook.is_paused:
        ready = ready.requested()
    deliveries = list(ready.select_related("event").order_by("pk")[:PARALLEL])
    if not deliveries:
        return False
    try:
        attempts = _attempt(webhook, deliveries, actor, sender)
    except SelectionInvalidError:
        _disable(webhook, WebhookDisabledReason.SELECTION_INVALID)
        return False
    if attempts:
        _record_attempts(webhook, attempts)
    return attempts is None or bool(attempts)


def _actor(webhook: Webhook) -> Actor | WebhookDisabledReason:
    """Return the owner's current actor, or why the webhook has none."""
    if webhook.owner_id is None:
        return WebhookDisabledReason.OWNER_INACTIVE
    actor = background_actor(webhook.owner_id, token_id=None)
    if actor is None:
        return WebhookDisabledReason.OWNER_INACTIVE
    if not may_create_webhooks(actor, get_role(webhook.organization_id, actor.user_id)):
        return WebhookDisabledReason.OWNER_LOST_ROLE
    return actor


def _attempt(
    webhook: Webhook, deliveries: Sequence[WebhookDelivery], actor: Actor, sender: Sender
) -> list[Attempt] | None:
    """Render and send the deliveries; None, and nothing is sent, if the owner's rights changed.

    Raises `SelectionInvalidError`, and `UnwantedError` if the webhook was deleted, or its claim has
    expired.
    """
    attempts, requests = [], dict[WebhookDelivery, Request]()
    ends_at = monotonic() + RENDER_SECONDS
    for delivery in deliveries:
        if monotonic() >= ends_at:
            break
        try:
            requests[delivery] = _request(webhook, delivery, actor)
        except PayloadError as error:
            attempts.append(Attempt(delivery, Outcome(error.error)))
    if _actor(webhook) != actor:
        # The owner lost or got rights meanwhile: the payloads are those of the former ones.
        return None
    turn = Webhook.objects.filter(pk=webhook.pk, turn=webhook.turn)
    outcomes = sender.send_all(requests.values(), turn.exists)
    return [*attempts, *map(Attempt, requests, outcomes)]


def _request(webhook: Webhook, delivery: WebhookDelivery, actor: Actor) -> Request:
    """Render an event. Raises `PayloadError` and `SelectionInvalidError`."""
    event = delivery.event
    data = payload_renderer().render(webhook.selection, event.pk, actor=actor)
    payload = {"type": Tag(event.tag).name, "timestamp": event.created_at, "data": data}  # type: ignore[call-arg]
    body = orjson.dumps(payload)
    headers = signed_headers(webhook, delivery.pk, body.decode(), now=timezone.now())
    return Request(webhook.url, headers, body)


def _record_attempts(webhook: Webhook, attempts: Sequence[Attempt]) -> None:
    """Write how the attempts of a batch ended, and what that says about the receiver."""
    with transaction.atomic():
        for attempt in attempts:
            _record_attempt(attempt)
        outcomes = [each.outcome for each in attempts]
        if any(_is_slow(outcome) for outcome in outcomes):
            rows = Webhook.objects.filter(pk=webhook.pk)
            rows.update(slow_until=timezone.now() + SLOW_FOR)
        if any(outcome.status_code == GONE for outcome in outcomes):
            disable_webhook(webhook, WebhookDisabledReason.GONE)
        else:
            _record_health(webhook, outcomes)


def _record_attempt(attempt: Attempt) -> None:
    changes = _changes(attempt)
    rows = WebhookDelivery.objects.filter(pk=attempt.delivery.pk)
    # Not if it was requested again meanwhile: it is sent once more.
    if rows.pending().filter(retry_until=attempt.delivery.retry_until).update(**changes):
        return
    # The webhook was disabled while the request was on its way. Not if it was attempted since.
    if attempt.outcome.error is not None:
        changes |= {"state": WebhookDeliveryState.FAILED, "next_attempt_at": None}
    failed = rows.filter(state=WebhookDeliveryState.FAILED, attempts=attempt.delivery.attempts)
    failed.update(**changes)


def _is_slow(outcome: Outcome) -> bool:
    seconds = (outcome.duration_ms or 0) / 1_000
    return seconds >= SLOW_ANSWER.total_seconds() or outcome.error is WebhookDeliveryError.TIMED_OUT


def _changes(attempt: Attempt) -> dict[str, Any]:
    """Return the changes of a delivery after an attempt."""
    delivery, outcome, now = attempt.delivery, attempt.outcome, timezone.now()
    changes = {
        "attempts": delivery.attempts + 1,
        "attempted_at": now,
        "status_code": outcome.status_code,
        "duration_ms": outcome.duration_ms,
        "error": outcome.error or "",
        # Further attempts are not on purpose.
        "is_requested": False,
    }
    if outcome.error is None:
        return changes | {"state": WebhookDeliveryState.SUCCEEDED, "next_attempt_at": None}
    next_attempt_at = now + _delay(delivery.attempts, outcome)
    if outcome.error in FINAL or next_attempt_at > delivery.retry_until:
        return changes | {"state": WebhookDeliveryState.FAILED, "next_attempt_at": None}
    return changes | {"next_attempt_at": next_attempt_at}


def _delay(former_attempts: int, outcome: Outcome) -> timedelta:
    """Return the time until the next attempt, at least what the receiver asks for."""
    delay = FIRST_DELAY * 4 ** min(former_attempts, MAX_EXPONENT)
    asked = min(timedelta(seconds=outcome.retry_after or 0), LAST_DELAY)
    return max(_with_jitter(min(delay, LAST_DELAY)), asked)


def _record_health(webhook: Webhook, outcomes: Sequence[Outcome]) -> None:
    """Write since when all attempts have failed; pause or disable the webhook."""
    now = timezone.now()
    about_receiver = [outcome for outcome in outcomes if outcome.error not in OURS]
    if not about_receiver:
        return
    rows = Webhook.objects.filter(pk=webhook.pk)
    if any(outcome.error is None for outcome in about_receiver):
        rows.update(failing_since=None, pauses=0, resume_at=None)
        return
    failing_since = webhook.failing_since or now
    if now - failing_since >= settings.WEBHOOK_FAILING_MAX:
        disable_webhook(webhook, WebhookDisabledReason.FAILING)
        return
    if all(outcome.error in UNREACHABLE for outcome in about_receiver):
        pause = min(FIRST_PAUSE * 2 ** min(webhook.pauses, MAX_EXPONENT), LAST_PAUSE)
        rows.update(
            failing_since=failing_since,
            pauses=min(webhook.pauses + 1, MAX_EXPONENT),
            resume_at=now + _with_jitter(pause),
        )
    else:
        rows.update(failing_since=failing_since)


def _with_jitter(delay: timedelta) -> timedelta:
    """Return 80 to 120 % of a delay, against simultaneous retries."""
    return delay * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def _disable(webhook: Webhook, reason: WebhookDisabledReason) -> None:
    with transaction.atomic():
        disable_webhook(webhook, reason)
    logger.warning("webhook disabled", extra={"webhook": str(webhook.pk), "reason": reason})
