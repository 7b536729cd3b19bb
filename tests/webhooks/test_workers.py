"""Webhooks by real workers, which are killed in the middle."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from core.outbox.models import OutboxMessage
from tests.support.celery_workers import Workers
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_token, make_user, node_id
from tests.support.receivers import Received, receiving
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until
from tests.support.webhooks import TEST, created, happen, states
from users.accounts.models import User
from users.activity.tags import Tag
from users.organizations.roles import Role
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.tasks import dispatch_webhooks


@pytest.fixture(scope="module")
def workers(django_db_setup: None) -> Iterator[Workers]:
    """As many as in production, and with the local receivers."""
    environ = environ_of_tests(WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8")
    with Workers(environ, "--concurrency", "2") as workers:
        yield workers


@pytest.mark.django_db(transaction=True)
def test_killed_workers_lose_no_event(
    administrator: GraphQLClient, alice: User, local_receivers: None, workers: Workers
) -> None:
    """What a killed worker has not recorded is sent again, under the same id."""
    is_hung = threading.Event()
    go_on = threading.Event()

    def answer(_received: Received) -> tuple[int, dict[str, str]]:
        if len(receiver.requests) == 1:
            is_hung.set()
            go_on.wait(60)
        return 200, {}

    with receiving(answer) as receiver:
        created(administrator, receiver.url())
        for _number in range(3):
            happen(alice)
        with workers.running() as pid:
            dispatch_webhooks()
            assert is_hung.wait(60)
            os.killpg(pid, signal.SIGKILL)
        go_on.set()
        assert states() == [("pending", "")] * 3
        expire_claims()
        with workers.running():
            dispatch_webhooks()
            wait_until(lambda: states() == [("succeeded", "")] * 3)
        ids = [received.id for received in receiver.requests]
    deliveries = WebhookDelivery.objects.order_by("position")
    expected = [str(key) for key in deliveries.values_list("pk", flat=True)]
    assert ids == [expected[0], *expected]


@pytest.mark.django_db(transaction=True)
def test_one_users_hung_webhooks_leave_a_worker_to_others(
    administrator: GraphQLClient, alice: User, local_receivers: None, workers: Workers
) -> None:
    """However many there are, and however often they are tested."""
    go_on = threading.Event()

    def hang(_received: Received) -> tuple[int, dict[str, str]]:
        go_on.wait(60)
        return 200, {}

    alan = make_user("alan")
    client = GraphQLClient(make_token(alan))
    organizations = [make_organization(name, alan, role=Role.OWNER) for name in ("A", "B")]
    with receiving(hang) as hung, receiving() as healthy, workers.running():
        created(administrator, healthy.url())
        for organization in [*organizations, *organizations]:
            id_ = node_id(organization)
            webhook, _secret = created(client, hung.url(), Tag.MEMBER_LEFT, organizationId=id_)
            assert client(TEST, id=node_id(webhook)).problems == []
        assert hung.arrived.wait(60)
        happen(alice)
        dispatch_webhooks()
        assert healthy.arrived.wait(60)
        assert len(hung.requests) == 1
        assert not WebhookDelivery.objects.filter(webhook__owner=alan, attempts__gt=0).exists()
        go_on.set()
        wait_until(lambda: set(states()) == {("succeeded", "")})


def expire_claims() -> None:
    past: Any = timezone.now()
    Webhook.objects.update(claimed_until=past)
    OutboxMessage.objects.update(claimed_until=past, dispatch_at=past)
