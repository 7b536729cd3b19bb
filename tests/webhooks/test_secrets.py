"""Rotation of secrets, and of the key under which they are sealed."""

import datetime as dt
from typing import Any

import pytest
import standardwebhooks
from django.core.management import call_command
from django.utils import timezone

from tests.support.client import GraphQLClient
from tests.support.factories import (
    node_id,
)
from tests.support.receivers import Receiver
from tests.support.webhooks import (
    ROTATE,
    URL,
    created,
    deliver_webhooks,
    happen,
    verified,
)
from users.accounts.models import User
from users.webhooks.models import Webhook
from users.webhooks.signing import unseal_secret
from users.webhooks.tasks import prune_webhooks


@pytest.mark.django_db
def test_both_secrets_sign_until_the_former_expires(
    administrator: GraphQLClient, alice: User, receiver: Receiver
) -> None:
    webhook, first = created(administrator, receiver.url())
    answer = administrator(ROTATE, id=node_id(webhook), minutes=60)
    second = answer.data["rotateWebhookSecret"]["secret"]
    assert answer.data["rotateWebhookSecret"]["webhook"]["previousSecretExpiresAt"]
    happen(alice)
    deliver_webhooks()
    verified(receiver.requests[-1], first, second)

    past = timezone.now() - dt.timedelta(seconds=1)
    Webhook.objects.update(previous_secret_expires_at=past)
    for is_pruned in (False, True):
        if is_pruned:
            prune_webhooks()
        happen(alice)
        deliver_webhooks()
        verified(receiver.requests[-1], second)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verified(receiver.requests[-1], first)
    webhook.refresh_from_db()
    assert (webhook.previous_secret, webhook.previous_secret_expires_at) == ("", None)

    third = administrator(ROTATE, id=node_id(webhook), minutes=0).data["rotateWebhookSecret"]
    happen(alice)
    deliver_webhooks()
    verified(receiver.requests[-1], third["secret"])
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified(receiver.requests[-1], second)
    assert len(receiver.requests) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", [-1, 10_081, 2**31 - 1])
def test_the_overlap_is_bounded(administrator: GraphQLClient, minutes: int) -> None:
    webhook, _secret = created(administrator, URL)
    answer = administrator(ROTATE, id=node_id(webhook), minutes=minutes)
    assert answer.problems == [("VALUE_INVALID", "overlapMinutes")]
    assert Webhook.objects.get().secret == webhook.secret


@pytest.mark.django_db
def test_secrets_survive_a_change_of_the_secret_key(
    administrator: GraphQLClient, settings: Any
) -> None:
    webhook, first = created(administrator, URL)
    answer = administrator(ROTATE, id=node_id(webhook))
    second = answer.data["rotateWebhookSecret"]["secret"]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "x" * 50
    call_command("reseal_secrets")
    settings.SECRET_KEY_FALLBACKS = []
    webhook.refresh_from_db()
    secrets = (webhook.secret, webhook.previous_secret)
    assert [unseal_secret(each, webhook.pk) for each in secrets] == [second, first]
