"""Removal of users' secondary addresses by administrators."""

import pytest
from django.utils import timezone

from tests.accounts.test_email_addresses import (
    ADD,
    CONFIRM,
    NEW,
    PRIMARY,
    addresses,
    give_address,
    token,
)
from tests.accounts.test_sign_up_mail import text_of
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD, make_service, make_token, make_user, node_id
from tests.support.second_factors import age_authentication
from tests.support.signing_in import ClientOf, tags
from tests.support.sink import Sink
from tests.support.world import everything
from users.accounts.models import EmailAddition, User
from users.accounts.tasks import mail_email_address_removed_by_administrator
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

REMOVE = """
    mutation ($id: ID!, $email: String!) {
      removeUserEmailAddress(input: {userId: $id, email: $email}) {
        user { username emailAddresses { email } } errors { code field message }
      }
    }
"""


def remove(client: GraphQLClient, user: User, email: str = NEW) -> Answer:
    return client(REMOVE, id=node_id(user), email=email)


def test_address_is_removed_from_the_user(client_of: ClientOf, alice: User, root: User) -> None:
    give_address(alice)
    give_address(alice, "alice@example.com")

    answer = remove(client_of(root), alice, " ALICE@Example.NET")

    assert answer.problems == []
    assert answer.data["removeUserEmailAddress"]["user"]["emailAddresses"] == [
        {"email": PRIMARY},
        {"email": "alice@example.com"},
    ]
    event = Event.objects.get()
    assert (event.tag, event.actor_id) == (Tag.EMAIL_ADDRESS_REMOVED, root.pk)
    assert (event.subject_id, event.data) == (alice.pk, {})
    assert EventDetails.objects.get(event=event).values["email"] == NEW
    assert remove(client_of(root), alice).problems == [("NOT_FOUND", "email")]


@pytest.mark.parametrize(
    ("locale", "subject", "notice"),
    [
        (
            "en",
            "An e-mail address was removed from your account",
            "removed alice (at) example (dot) net.",
        ),
        (
            "de",
            "Eine E-Mail-Adresse wurde aus Ihrem Konto entfernt",
            "hat alice (at) example (dot) net entfernt.",
        ),
    ],
)
def test_both_addresses_are_notified(worker: Sink, locale: str, subject: str, notice: str) -> None:
    alice = make_user("alice", locale=locale, email_verified_at=timezone.now())
    give_address(alice)
    root = make_user("root", is_staff=True, is_superuser=True)
    assert remove(GraphQLClient(make_token(root)), alice).problems == []
    mails = {mail["To"]: mail for mail in (worker.next(), worker.next())}
    assert set(mails) == {PRIMARY, NEW}
    assert mails[PRIMARY]["Subject"] == subject
    assert notice in text_of(mails[PRIMARY], "plain")
    assert mails[NEW]["Subject"] != subject


def test_own_removal_does_not_notify_the_primary_address(alice: User, mails: Sink) -> None:
    give_address(alice)
    own = f'removeEmailAddress(input: {{email: "{NEW}", password: "{PASSWORD}"}})'
    client = GraphQLClient(make_token(alice))
    assert client(f"mutation {{ {own} {{ errors {{ code field }} }} }}").problems == []
    mail_email_address_removed_by_administrator(str(Event.objects.get().pk))
    assert mails.is_empty()


def test_erased_address_gets_no_mail(
    client_of: ClientOf, alice: User, root: User, mails: Sink
) -> None:
    give_address(alice)
    assert remove(client_of(root), alice).problems == []
    EventDetails.objects.all().delete()
    mail_email_address_removed_by_administrator(str(Event.objects.get().pk))
    assert mails.is_empty()


def test_pending_link_is_removed(client_of: ClientOf, alice: User, root: User) -> None:
    assert client_of(alice)(ADD, email=NEW, password=PASSWORD).problems == []
    waiting = token()
    assert remove(client_of(root), alice).problems == []
    assert not EmailAddition.objects.exists()
    assert GraphQLClient()(CONFIRM, token=waiting).problems == [("TOKEN_INVALID", "token")]
    assert tags() == [Tag.EMAIL_ADDRESS_REQUESTED]


def test_primary_address_is_kept(client_of: ClientOf, alice: User, root: User) -> None:
    give_address(alice)
    answer = remove(client_of(root), alice, PRIMARY)
    assert answer.problems == [("EMAIL_PRIMARY", "email")]
    (error,) = answer.data["removeUserEmailAddress"]["errors"]
    assert "see updateUser" in error["message"]
    assert addresses(alice) == {PRIMARY, NEW}
    assert tags() == []


def test_address_of_another_user_is_not_found(
    client_of: ClientOf, alice: User, bob: User, root: User
) -> None:
    give_address(bob)
    client, before = client_of(root), everything()
    assert remove(client, alice).problems == [("NOT_FOUND", "email")]
    assert remove(client, make_service("robot")).problems == [("NOT_FOUND", "email")]
    assert remove(client, User(username="x")).problems == [("NOT_FOUND", "userId")]
    assert client(REMOVE, id="x", email=NEW).problems == [("NOT_FOUND", "userId")]
    assert remove(client, bob, "bob").problems == [("EMAIL_INVALID", "email")]
    User.objects.filter(username="robot").delete()
    assert everything() == before
    assert tags() == []


def test_own_address_requires_step_up(client_of: ClientOf, root: User) -> None:
    give_address(root, "root@example.net")
    answer = remove(client_of(root), root, "root@example.net")
    assert answer.problems == [("VALUE_INVALID", "userId")]
    assert addresses(root) == {root.email, "root@example.net"}


def test_removal_requires_recently_authenticated_administrator(
    client_of: ClientOf, alice: User, sam: User, root: User
) -> None:
    give_address(alice)
    clients = {"FORBIDDEN": client_of(sam), "UNAUTHENTICATED": GraphQLClient()}
    clients["REAUTHENTICATION_REQUIRED"] = client_of(root)
    age_authentication()
    for code, client in clients.items():
        assert remove(client, alice).codes == [code]
    assert addresses(alice) == {PRIMARY, NEW}
    assert tags() == []


def test_deactivated_users_lose_it_as_well(client_of: ClientOf, alice: User, root: User) -> None:
    give_address(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert remove(client_of(root), alice).problems == []
    assert addresses(alice) == {PRIMARY}
