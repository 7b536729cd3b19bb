"""Creation, change and deletion of webhooks, and rotation of their secrets.

A webhook acts with its owner's rights until it is deleted, so creating and changing one requires an
interactive session and recent authentication, as for API tokens.
"""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.database.locks import wait_for_lock
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.validation import Problems, check_field
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.services.overlap import check_overlap
from users.organizations.services.lookup import find_organization, lock_organization
from users.webhooks.errors import WebhookErrorCode
from users.webhooks.models import Webhook
from users.webhooks.payloads import DEFAULT_SELECTION, SelectionInvalidError, payload_renderer
from users.webhooks.policy import may_change_webhook, may_create_webhooks, may_manage_webhooks
from users.webhooks.services.disable import set_disabled
from users.webhooks.services.lookup import find_webhook_for_update, last_position
from users.webhooks.signing import new_webhook_secret, seal_secret
from users.webhooks.states import WebhookDisabledReason
from users.webhooks.targets import canonical_url, host_of
from users.webhooks.throttling import count_webhook

MAX_PER_ORGANIZATION: Final = 10
MAX_OF_SERVICE: Final = 50
# The names of tags whose events are about an organisation.
ORGANIZATION_TAGS: Final = ("ORGANIZATION_", "MEMBER_", "WEBHOOK_")
# Key of the advisory lock that serialises creations for the service, which has no row to lock; an
# arbitrary number that nothing else uses.
SERVICE_WEBHOOKS: Final = 4_611_870_239_004_217


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A webhook and its new secret, which is shown once."""

    webhook: Webhook
    secret: str


def organization_tags() -> list[Tag]:
    """Return the tags that webhooks of organisations may have."""
    return [tag for tag in Tag if tag.name.startswith(ORGANIZATION_TAGS)]


def create_webhook(
    organization_id: UUID | None,
    *,
    actor: Actor,
    url: str,
    tags: Collection[Tag],
    selection: str = DEFAULT_SELECTION,
) -> NewSecret:
    """Create a webhook of an organisation or, without one, of the service.

    Raises `InputRejectedError` for invalid values, if the organisation does not exist or there are
    too many webhooks; `TooManyAttemptsError`, `ReauthenticationRequiredError` and the policy's
    errors.
    """
    own_role = None
    if organization_id is not None:
        _organization, own_role = find_organization(organization_id, actor=actor)
    require(actor, may_create_webhooks, own_role)
    require_recent_authentication(actor)
    values = _clean(is_of_service=organization_id is None, url=url, tags=tags, selection=selection)
    count_webhook(cast("UUID", actor.user_id))
    secret = new_webhook_secret()
    with transaction.atomic(durable=True):
        if organization_id is None:
            wait_for_lock(SERVICE_WEBHOOKS)
        else:
            _organization, own_role = lock_organization(organization_id, actor=actor)
            require(actor, may_create_webhooks, own_role)
        _require_capacity(organization_id)
        webhook = Webhook(
            organization_id=organization_id,
            owner_id=actor.user_id,
            position=last_position(),
            **values,
        )
        webhook.secret = seal_secret(secret, webhook.pk)
        webhook.save(force_insert=True)
        _record(Tag.WEBHOOK_CREATED, webhook, actor=actor, tags=webhook.tags)
    return NewSecret(webhook, secret)


def update_webhook(  # noqa: PLR0913 - the webhook and its fields
    webhook_id: UUID | None,
    *,
    actor: Actor,
    url: str | None = None,
    tags: Collection[Tag] | None = None,
    selection: str | None = None,
    is_enabled: bool | None = None,
) -> Webhook:
    """Change a webhook's values, as its owner; enable or disable it, as a manager.

    Once enabled again, it receives later events only. Raises `InputRejectedError` for invalid
    values and if the webhook does not exist; `ReauthenticationRequiredError` and the policy's
    errors.
    """
    is_changed = (url, tags, selection) != (None, None, None)
    with transaction.atomic(durable=True):
        webhook, own_role = find_webhook_for_update(webhook_id, actor=actor)
        require(actor, may_create_webhooks, own_role)
        if is_changed:
            require(actor, may_change_webhook, webhook.owner_id)
        require_recent_authentication(actor)
        values = _clean(
            is_of_service=webhook.organization_id is None,
            url=url,
            tags=tags,
            selection=selection,
        )
        changed = [name for name, value in values.items() if value != getattr(webhook, name)]
        for name in changed:
            setattr(webhook, name, values[name])
        if changed:
            webhook.save(update_fields=changed)
        if is_enabled is not None and is_enabled != webhook.is_enabled:
            _set_enabled(webhook, is_enabled=is_enabled)
            changed.append("is_enabled")
        if changed:
            _record(
                Tag.WEBHOOK_CHANGED,
                webhook,
                actor=actor,
                fields=sorted(changed),
                is_enabled=webhook.is_enabled,
            )
    return webhook


@transaction.atomic(durable=True)
def delete_webhook(webhook_id: UUID | None, *, actor: Actor) -> None:
    """Delete a webhook with the log of its deliveries.

    Raises `InputRejectedError` if it does not exist, and the policy's errors.
    """
    webhook, own_role = find_webhook_for_update(webhook_id, actor=actor)
    require(actor, may_manage_webhooks, own_role)
    _record(Tag.WEBHOOK_DELETED, webhook, actor=actor)
    webhook.delete()


@transaction.atomic(durable=True)
def rotate_webhook_secret(
    webhook_id: UUID | None, *, actor: Actor, overlap: dt.timedelta
) -> NewSecret:
    """Replace a webhook's secret, as its owner; during the ``overlap`` both sign.

    A former secret that still signed no longer does. Raises `InputRejectedError` if the webhook
    does not exist or for an invalid overlap; `ReauthenticationRequiredError` and the policy's
    errors.
    """
    webhook, own_role = find_webhook_for_update(webhook_id, actor=actor)
    require(actor, may_create_webhooks, own_role)
    require(actor, may_change_webhook, webhook.owner_id)
    require_recent_authentication(actor)
    check_overlap(overlap)
    secret = new_webhook_secret()
    expires_at = timezone.now() + overlap if overlap else None
    webhook.previous_secret = webhook.secret if overlap else ""
    webhook.previous_secret_expires_at = expires_at
    webhook.secret = seal_secret(secret, webhook.pk)
    webhook.save(update_fields=["secret", "previous_secret", "previous_secret_expires_at"])
    _record(Tag.WEBHOOK_SECRET_ROTATED, webhook, actor=actor, previous_expires=expires_at)
    return NewSecret(webhook, secret)


def _set_enabled(webhook: Webhook, *, is_enabled: bool) -> None:
    """Enable or disable a locked webhook, in the caller's transaction."""
    if not is_enabled:
        set_disabled(webhook, WebhookDisabledReason.BY_USER)
        webhook.refresh_from_db()
        return
    webhook.disabled_at, webhook.disabled_reason = None, ""
    webhook.failing_since, webhook.pauses, webhook.resume_at = None, 0, None
    webhook.position = last_position()
    webhook.save(
        update_fields=[
            *("disabled_at", "disabled_reason", "failing_since", "pauses", "resume_at"),
            "position",
        ]
    )


def _clean(
    *,
    is_of_service: bool,
    url: str | None = None,
    tags: Collection[Tag] | None = None,
    selection: str | None = None,
) -> dict[str, Any]:
    """Return the canonical values of the given fields. Raises `InputRejectedError`."""
    problems, values = Problems(), dict[str, Any]()
    if url is not None:
        with problems.of("url", WebhookErrorCode.WEBHOOK_URL_INVALID):
            values["url"] = canonical_url(url.strip())
    if tags is not None:
        values["tags"] = sorted({tag.value for tag in tags})
        problems.found += _problems_of_tags(values["tags"], is_of_service=is_of_service)
    if selection is not None:
        values["selection"] = selection.strip()
        with problems.of("selection", WebhookErrorCode.WEBHOOK_SELECTION_INVALID):
            check_field(Webhook, "selection", values["selection"])
    problems.refuse_any()
    if selection is not None:
        # Parsed only if it is short enough.
        try:
            payload_renderer().check(values["selection"])
        except SelectionInvalidError as error:
            raise InputRejectedError(
                Problem(WebhookErrorCode.WEBHOOK_SELECTION_INVALID, str(error), ("selection",))
            ) from None
    return values


def _problems_of_tags(tags: Collection[str], *, is_of_service: bool) -> Iterable[Problem]:
    if not tags:
        message = _("Choose at least one kind of event.")
        yield Problem(GenericErrorCode.VALUE_INVALID, message, ("tags",))
    allowed = set(Tag if is_of_service else organization_tags())
    if not allowed.issuperset(tags):
        message = _("Choose events of organisations only: others do not reach this webhook.")
        yield Problem(GenericErrorCode.VALUE_INVALID, message, ("tags",))


def _require_capacity(organization_id: UUID | None) -> None:
    """Raise `InputRejectedError` if there are too many webhooks already."""
    limit = MAX_OF_SERVICE if organization_id is None else MAX_PER_ORGANIZATION
    if Webhook.objects.filter(organization=organization_id).count() >= limit:
        raise InputRejectedError(
            Problem(
                WebhookErrorCode.TOO_MANY_WEBHOOKS,
                _("There are %(max)d webhooks already. Delete one first.") % {"max": limit},
            )
        )


def _record(tag: Tag, webhook: Webhook, *, actor: Actor, **data: Any) -> None:
    """Record an event with the URL's host; the rest may be secret."""
    record(
        tag,
        actor=actor,
        subject_id=None,
        organization=webhook.organization_id,
        webhook=webhook.pk,
        host=host_of(webhook.url),
        **data,
    )
