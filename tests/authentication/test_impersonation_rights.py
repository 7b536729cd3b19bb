"""Permissions of an impersonation."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.utils import timezone

from schema.http.execution import ROOT_FIELDS
from schema.scopes import NoScope
from tests.authentication.test_impersonation import (
    EVENTS,
    IMPERSONATE,
    REASON,
    REFUSED,
    UPDATE,
    begin,
    impersonation,
    last_event,
)
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.executors import BY_ENGINE
from tests.support.factories import make_api_token, make_factors
from tests.support.signing_in import ALICE, LOG_OUT, ME, ClientOf, tags
from tests.support.tables.authorization.kinds import OWNER
from tests.support.tables.authorization.writes import WRITES
from tests.support.world import World, everything, write
from users.accounts.models import User
from users.activity.tags import Tag
from users.authentication.models import Session
from users.scopes import Scope

ACCESS = {name: ROOT_FIELDS.access[name] for name in sorted(WRITES)}
CLOSED = [
    name for name, each in ACCESS.items() if each.scope in {NoScope.INTERACTIVE, NoScope.PUBLIC}
]
BY_SCOPE = {name: each.scope for name, each in ACCESS.items() if isinstance(each.scope, Scope)}
ON_BEHALF = {Scope.PROFILE_WRITE, Scope.ORGANIZATIONS_WRITE}
Capture = Callable[[], AbstractContextManager[Statements]]


def test_events_name_the_impersonator(
    administrator: GraphQLClient, client_of: ClientOf, alice: User, root: User
) -> None:
    client = begin(administrator, alice)
    client.http.defaults |= {"HTTP_USER_AGENT": "Office", "REMOTE_ADDR": "192.0.2.7"}
    assert client(UPDATE).data["updateProfile"]["user"] == {"name": "Al"}
    event = last_event()
    assert (event.tag, event.actor_id, event.subject_id) == (
        Tag.PROFILE_CHANGED,
        root.pk,
        alice.pk,
    )
    assert event.data["on_behalf_of"] == str(alice.pk)
    assert event.session_id == impersonation().pk
    assert client(LOG_OUT).data == {"logOut": {"errors": []}}

    ended, changed, begun = client_of(alice)(EVENTS).data["events"]["nodes"]
    assert [ended["tag"], changed["tag"], begun["tag"]] == [
        *("IMPERSONATION_ENDED", "PROFILE_CHANGED", "IMPERSONATION_BEGUN"),
    ]
    assert changed["data"]["on_behalf_of"] == str(alice.pk)
    assert ended["data"]["session"] == begun["data"]["session"]
    for node in (ended, changed, begun):
        # The administrator's IP address and device are hidden from the user.
        assert (node["actor"], node["ip"], node["userAgent"]) == (None, None, None)
    (_ended, seen, _begun) = administrator(EVENTS.replace("first: 9", "first: 3")).data["events"][
        "nodes"
    ]
    assert (seen["actor"], seen["ip"], seen["userAgent"]) == (
        {"username": "root"},
        "192.0.2.7",
        "Office",
    )


@BY_ENGINE
@pytest.mark.parametrize("name", CLOSED)
def test_account_takeover_is_refused_despite_step_up(world: World, name: str) -> None:
    client = _acting_for(world)
    before, happened = everything(), tags()
    answer = world.ask(client, write(name))
    assert (answer.status, answer.codes) == (403, REFUSED)
    (error,) = answer.body["errors"]
    assert error["message"] == (
        "You cannot do this while you impersonate a user. End the impersonation first."
    )
    assert (everything(), tags()) == (before, happened)


@BY_ENGINE
@pytest.mark.parametrize("name", BY_SCOPE)
def test_impersonation_has_the_users_permissions_only(world: World, name: str) -> None:
    client = _acting_for(world)
    before = everything()
    answer = world.ask(client, write(name))
    if BY_SCOPE[name] in ON_BEHALF:
        problems = [code for code, _field in answer.problems]
        assert (problems or ["OK"]) == [WRITES[name][1][OWNER]]
        return
    assert answer.codes == REFUSED
    assert everything() == before


def test_nothing_on_behalf_requires_recent_authentication() -> None:
    theirs = {name for name, scope in BY_SCOPE.items() if scope in ON_BEHALF}
    assert theirs
    assert not {name for name in theirs if ROOT_FIELDS.access[name].reauthenticate}


def _acting_for(world: World) -> GraphQLClient:
    """Return a client that impersonates the owner, who has recently used every kind of factor."""
    now = timezone.now()
    user = User.objects.get(username="administrator")
    client = GraphQLClient(world.clients["administrator"].token)
    answer = client(IMPERSONATE, input={"userId": world.ids["owner"], "reason": REASON})
    Session.objects.filter(user=user).update(authenticated_at=now)
    return GraphQLClient(answer.data["impersonateUser"]["accessToken"])


def test_tokens_factors_and_exports_are_not_shown(
    administrator: GraphQLClient, alice: User
) -> None:
    make_factors(alice)
    make_api_token(alice, Scope.USERS_READ)
    client = begin(administrator, alice)
    found = client(
        """{ me { totp { confirmedAt } passkeys(first: 1) { nodes { id } }
             apiTokens(first: 1) { nodes { id } } dataExports { requestedAt } } }"""
    ).data["me"]
    nothing: dict[str, Any] = {"nodes": []}
    assert found == {"totp": None, "passkeys": nothing, "apiTokens": nothing, "dataExports": []}


def test_actor_is_read_in_one_statement(
    administrator: GraphQLClient, alice: User, statements: Capture
) -> None:
    client = begin(administrator, alice)
    client(ME)
    with statements() as captured:
        assert client(ME).data == ALICE
    assert len(captured) == 2
