"""Bulk actions that end early: lost permissions and cancellation."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from core.outbox.models import OutboxMessage
from tests.support.bulk_actions import (
    CANCEL,
    counts,
    make_people,
    run_turn,
    run_turns,
    started,
    suspended,
)
from tests.support.client import GraphQLClient
from tests.support.factories import make_api_token, node_id
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import ApiToken, Suspension
from users.bulk.actions import Action
from users.bulk.models import BulkAction
from users.bulk.services import run
from users.scopes import Scope

# Permissions -----------------------------------------------------------------------------


def withdraw_role(root: User) -> None:
    User.objects.filter(pk=root.pk).update(is_superuser=False)


def deactivate(root: User) -> None:
    User.objects.filter(pk=root.pk).update(is_active=False)


@pytest.mark.usefixtures("short_turns")
@pytest.mark.parametrize("withdraw", [withdraw_role, deactivate])
@pytest.mark.parametrize("turns", [0, 2])
def test_lost_role_stops_the_bulk_action(
    administrator: GraphQLClient, root: User, withdraw: Callable[[User], None], turns: int
) -> None:
    users = make_people(4)
    bulk_action = started(administrator, 4)
    for _turn in range(turns):
        run_turn()
    withdraw(root)

    run_turns()

    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("stopped", (turns, 0, 0))
    assert bulk_action.finished_at is not None
    assert suspended() == [user.pk for user in users[:turns]]
    ended = Event.objects.latest("pk")
    assert (ended.tag, ended.data["state"]) == (Tag.BULK_ACTION_FINISHED, "stopped")
    assert not OutboxMessage.objects.exists()


def test_permissions_are_checked_before_each_page(
    administrator: GraphQLClient, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = make_people(5)
    bulk_action = started(administrator, 5)
    apply = Action.apply

    def withdrawn(self: Action, user_id: Any, **how: Any) -> None:
        apply(self, user_id, **how)
        if user_id == users[2].pk:
            withdraw_role(root)

    monkeypatch.setattr(run, "PAGE", 2)
    monkeypatch.setattr(Action, "apply", withdrawn)
    run_turns()
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("stopped", (4, 0, 0))
    assert suspended() == [user.pk for user in users[:4]]


def revoke(token: ApiToken) -> None:
    token.delete()


def let_expire(token: ApiToken) -> None:
    then = timezone.now() - dt.timedelta(days=2)
    ApiToken.objects.filter(pk=token.pk).update(
        created_at=then, expires_at=then + dt.timedelta(days=1)
    )


def narrow(token: ApiToken) -> None:
    ApiToken.objects.filter(pk=token.pk).update(scopes=[Scope.USERS_READ])


@pytest.mark.parametrize("withdraw", [revoke, let_expire, narrow])
def test_lost_token_stops_the_bulk_action(root: User, withdraw: Callable[[ApiToken], None]) -> None:
    make_people(2)
    started(GraphQLClient(make_api_token(root, Scope.USERS_WRITE)), 2)
    withdraw(ApiToken.objects.get())
    run_turns()
    assert BulkAction.objects.get().state == "stopped"
    assert not Suspension.objects.exists()


def test_missing_second_factor_stops_the_bulk_action(
    administrator: GraphQLClient, settings: Any
) -> None:
    make_people(2)
    started(administrator, 2)
    settings.SECOND_FACTOR = "staff"
    settings.SECOND_FACTOR_SINCE = timezone.now() - dt.timedelta(days=99)
    settings.SECOND_FACTOR_GRACE = dt.timedelta(0)
    run_turns()
    assert BulkAction.objects.get().state == "stopped"
    assert not Suspension.objects.exists()


def test_logging_out_stops_nothing(administrator: GraphQLClient) -> None:
    make_people(2)
    bulk_action = started(administrator, 2)
    assert administrator("mutation { logOut { errors { code } } }").problems == []
    run_turns()
    bulk_action.refresh_from_db()
    assert counts(bulk_action) == (2, 0, 0)


@pytest.mark.usefixtures("short_turns")
def test_canceling_stops_before_the_next_user(administrator: GraphQLClient) -> None:
    users = make_people(4)
    bulk_action = started(administrator, 4)
    run_turn()
    assert administrator(CANCEL, id=node_id(bulk_action)).problems == []
    run_turns()
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("canceled", (1, 0, 0))
    assert suspended() == [users[0].pk]


def test_canceling_counts_the_current_user(
    administrator: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = make_people(4)
    bulk_action = started(administrator, 4)
    apply = Action.apply

    def canceled(self: Action, user_id: Any, **how: Any) -> None:
        apply(self, user_id, **how)
        if user_id == users[1].pk:
            assert administrator(CANCEL, id=node_id(bulk_action)).problems == []

    monkeypatch.setattr(Action, "apply", canceled)
    run_turns()
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("canceled", (2, 0, 0))
    assert suspended() == [user.pk for user in users[:2]]
