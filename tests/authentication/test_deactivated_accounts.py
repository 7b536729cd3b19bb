"""Deactivated accounts: no previously mailed link gives access again."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.accounts.test_email_addresses import ADD, CONFIRM, NEW, PRIMARY, addresses, token
from tests.privacy.test_deletion import CANCEL_USER, DELETE_USER, REACTIVATE, SUSPEND, delete_me
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, node_id
from users.accounts.models import EmailAddition, User
from users.activity.models import Event
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

SHUTTING: dict[str, Callable[[GraphQLClient, GraphQLClient, User], Any]] = {
    "the owner deletes it": lambda own, _root, _user: delete_me(own),
    "it is deleted": lambda _own, root, user: root(DELETE_USER, id=node_id(user)),
    "it is suspended": lambda _own, root, user: root(SUSPEND, id=node_id(user)),
}


@pytest.mark.parametrize("way", SHUTTING)
def test_deactivated_account_gets_no_address(
    client_of: ClientOf, alice: User, root: User, way: str
) -> None:
    """The requester may be the attacker, and a new address would allow a password reset."""
    own, administrator = client_of(alice), client_of(root)
    assert own(ADD, email=NEW, password=PASSWORD).problems == []
    stolen = token()
    assert SHUTTING[way](own, administrator, alice).problems == []

    assert GraphQLClient()(CONFIRM, token=stolen).problems == [("TOKEN_INVALID", "token")]
    undo = REACTIVATE if way == "it is suspended" else CANCEL_USER
    assert administrator(undo, id=node_id(alice)).problems == []
    assert GraphQLClient()(CONFIRM, token=stolen).problems == [("TOKEN_INVALID", "token")]

    assert addresses(alice) == {PRIMARY}
    assert not EmailAddition.objects.exists()
    assert not Event.objects.filter(tag=Tag.EMAIL_ADDRESS_ADDED).exists()
