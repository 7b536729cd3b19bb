"""Secondary addresses: addition, confirmation, choice of the primary one, removal."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.accounts.test_sign_up_mail import text_of
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD, make_token, make_user
from tests.support.signing_in import tags
from tests.support.sink import Sink
from users.accounts.models import EmailAddition, EmailAddress, User
from users.accounts.services.email_addresses import MAX_ADDRESSES
from users.accounts.tasks import (
    mail_email_addition,
    mail_email_address_added,
    mail_email_address_removed,
    mail_email_changed,
    prune_links,
)
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

ADD = """
    mutation ($email: String!, $password: String!) {
      addEmailAddress(input: {email: $email, password: $password}) { errors { code field } }
    }
"""
# By default anonymous, with the password.
CONFIRM = f"""
    mutation ($token: String!, $password: String = "{PASSWORD}") {{
      confirmEmailAddress(input: {{token: $token, password: $password}}) {{
        email errors {{ code field }}
      }}
    }}
"""
SET_PRIMARY = """
    mutation ($email: String!, $password: String!) {
      setPrimaryEmailAddress(input: {email: $email, password: $password}) {
        user { email } errors { code field }
      }
    }
"""
REMOVE = """
    mutation ($email: String!, $password: String!) {
      removeEmailAddress(input: {email: $email, password: $password}) {
        user { email } errors { code field }
      }
    }
"""
MINE = "{ me { email emailAddresses { email verifiedAt isPrimary } } }"
NEW = "alice@example.net"
PRIMARY = "alice@example.org"
WRITES = {"add": ADD, "set primary": SET_PRIMARY, "remove": REMOVE}


@pytest.fixture
def alices(client_of: ClientOf, alice: User) -> Callable[..., Answer]:
    """Send a mutation as Alice, by default with her password."""
    client = client_of(alice)
    return lambda document, email=NEW, password=PASSWORD: client(
        document, email=email, password=password
    )


def give_address(user: User, email: str = NEW) -> EmailAddress:
    return EmailAddress.objects.create(user=user, email=email, verified_at=timezone.now())


def token() -> str:
    return EmailAddition.objects.get().token


def deliver(mail: Callable[[str], None], tag: Tag) -> None:
    mail(str(Event.objects.filter(tag=tag).latest("pk").pk))


def addresses(user: User) -> set[str]:
    return {User.objects.get(pk=user.pk).email, *secondary_addresses(user)}


def secondary_addresses(user: User) -> list[str]:
    return list(user.email_addresses.order_by("email").values_list("email", flat=True))


# Adding ----------------------------------------------------------------------------------


def test_journey_with_mails(worker: Sink) -> None:
    alice = make_user("alice", locale="de", email_verified_at=timezone.now())
    client = GraphQLClient(make_token(alice))
    assert client(ADD, email=" Alice@Example.NET", password=PASSWORD).problems == []
    mail = worker.next()
    assert (mail["To"], mail["Subject"]) == (NEW, "Bestätigen Sie Ihre E-Mail-Adresse")
    assert f"http://testserver/confirm-email-address#token={token()}" in text_of(mail, "plain")
    assert secondary_addresses(alice) == []

    answer = GraphQLClient()(CONFIRM, token=token())
    assert answer.data == {"confirmEmailAddress": {"email": NEW, "errors": []}}
    notice = worker.next()
    assert notice["To"] == PRIMARY
    assert notice["Subject"] == "Ihr Konto hat eine weitere E-Mail-Adresse"
    assert NEW not in text_of(notice, "plain")

    answer = client(SET_PRIMARY, email=NEW, password=PASSWORD)
    assert answer.data["setPrimaryEmailAddress"]["user"] == {"email": NEW}
    notice = worker.next()
    assert (notice["To"], notice["Subject"]) == (PRIMARY, "Ihre E-Mail-Adresse wurde geändert")

    assert client(REMOVE, email=PRIMARY, password=PASSWORD).problems == []
    notice = worker.next()
    assert notice["To"] == PRIMARY
    (only,) = client(MINE).data["me"]["emailAddresses"]
    assert (only["email"], only["isPrimary"]) == (NEW, True)


def test_addresses_are_listed_with_the_primary_one_first(
    client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    give_address(alice, "a@example.net")
    shown = client_of(alice)(MINE).data["me"]["emailAddresses"]
    assert [(each["email"], each["isPrimary"]) for each in shown] == [
        (PRIMARY, True),
        ("a@example.net", False),
    ]
    assert [each["verifiedAt"] is None for each in shown] == [True, False]
    all_addresses = "{ users(first: 9) { nodes { username emailAddresses { email } } } }"
    found = client_of(sam)(all_addresses).data["users"]["nodes"]
    counts = {each["username"]: len(each["emailAddresses"]) for each in found}
    assert counts == {"alice": 2, "bob": 1, "sam": 1}
    found = client_of(bob)(all_addresses).data["users"]["nodes"]
    assert {each["username"] for each in found if each["emailAddresses"]} == {"bob"}


def test_known_address_gets_the_same_answer_and_its_owner_a_mail(
    alices: Callable[..., Answer], bob: User, mails: Sink, anonymous: GraphQLClient
) -> None:
    give_address(bob, "bob@example.net")
    unknown = alices(ADD, "unknown@example.org")
    EmailAddition.objects.all().delete()
    for email in ("BOB@example.org", "Bob@example.net"):
        known = alices(ADD, email)
        assert (known.body, known.headers) == (unknown.body, unknown.headers)
        deliver(mail_email_addition, Tag.EMAIL_ADDRESS_REQUESTED)
        mail = mails.next()
        assert (mail["To"], mail["Subject"]) == (email.lower(), "You already have an account")
        assert "token" not in text_of(mail, "plain")
        assert anonymous(CONFIRM, token=token()).problems == [("EMAIL_TAKEN", "token")]
        EmailAddition.objects.all().delete()
    assert not EmailAddress.objects.exclude(user=bob).exists()


def test_own_addresses_change_nothing(alices: Callable[..., Answer], alice: User) -> None:
    give_address(alice)
    for email in (PRIMARY, NEW.upper()):
        assert alices(ADD, email).problems == []
    assert tags() == []
    assert not EmailAddition.objects.exists()


def test_asking_again_replaces_the_link(
    alices: Callable[..., Answer], anonymous: GraphQLClient, mails: Sink
) -> None:
    assert alices(ADD).problems == []
    first, event = token(), Event.objects.get()
    assert alices(ADD).problems == []
    mail_email_addition(str(event.pk))
    assert mails.is_empty()
    assert anonymous(CONFIRM, token=first).problems == [("TOKEN_INVALID", "token")]
    assert anonymous(CONFIRM, token=token()).problems == []


def test_link_is_single_use_and_bound_to_its_purpose(
    alices: Callable[..., Answer], anonymous: GraphQLClient
) -> None:
    assert alices(ADD).problems == []
    used = token()
    change = "mutation ($t: String!) { confirmEmailChange(input: {token: $t}) { errors { code } } }"
    assert anonymous(change, t=used).data["confirmEmailChange"]["errors"] == [
        {"code": "TOKEN_INVALID"}
    ]
    assert anonymous(CONFIRM, token=used).problems == []
    assert anonymous(CONFIRM, token=used).problems == [("TOKEN_INVALID", "token")]
    assert tags() == [Tag.EMAIL_ADDRESS_REQUESTED, Tag.EMAIL_ADDRESS_ADDED]


def test_old_link_is_refused_and_pruned(
    alices: Callable[..., Answer], anonymous: GraphQLClient
) -> None:
    assert alices(ADD).problems == []
    EmailAddition.objects.update(expires_at=timezone.now())
    assert anonymous(CONFIRM, token=token()).problems == [("TOKEN_EXPIRED", "token")]
    prune_links()
    assert not EmailAddition.objects.exists()
    assert not EmailAddress.objects.exists()


def test_number_of_addresses_is_limited(
    alices: Callable[..., Answer], alice: User, anonymous: GraphQLClient
) -> None:
    for number in range(MAX_ADDRESSES - 1):
        give_address(alice, f"{number}@example.net")
    assert alices(ADD, "waiting@example.net").problems == []
    # A repeated request does not count twice.
    assert alices(ADD, "waiting@example.net").problems == []
    assert alices(ADD, "more@example.net").problems == [("TOO_MANY_EMAIL_ADDRESSES", "email")]
    assert EmailAddition.objects.count() == 1
    EmailAddition.objects.update(expires_at=timezone.now())
    assert alices(ADD, "more@example.net").problems == []


@pytest.mark.parametrize("email", ["", "alice", "alice@", "a" * 300 + "@example.org", "a\0@b.c"])
@pytest.mark.parametrize("document", WRITES.values(), ids=list(WRITES))
def test_invalid_addresses_are_refused(
    alices: Callable[..., Answer], document: str, email: str
) -> None:
    assert alices(document, email).problems == [("EMAIL_INVALID", "email")]
    assert tags() == []


@pytest.mark.parametrize("document", WRITES.values(), ids=list(WRITES))
def test_every_address_mutation_requires_the_password(
    alices: Callable[..., Answer], alice: User, document: str
) -> None:
    give_address(alice)
    assert alices(document, password="wrong").problems == [("PASSWORD_WRONG", "password")]
    assert tags() == [Tag.PASSWORD_REFUSED]
    assert addresses(alice) == {PRIMARY, NEW}
    assert not EmailAddition.objects.exists()


@pytest.mark.parametrize("document", WRITES.values(), ids=list(WRITES))
def test_every_address_mutation_requires_a_session(
    anonymous: GraphQLClient, alice: User, document: str
) -> None:
    give_address(alice)
    assert anonymous(document, email=NEW, password=PASSWORD).codes == ["UNAUTHENTICATED"]
    assert addresses(alice) == {PRIMARY, NEW}
    assert tags() == []


def test_mails_per_address_are_limited(alices: Callable[..., Answer]) -> None:
    for _time in range(5):
        assert alices(ADD).problems == []
    assert alices(ADD).codes == ["TOO_MANY_ATTEMPTS"]


def test_new_password_invalidates_the_link(
    client_of: ClientOf, alices: Callable[..., Answer], anonymous: GraphQLClient, alice: User
) -> None:
    assert alices(ADD).problems == []
    stolen = token()
    change = """
        mutation ($current: String!, $new: String!) {
          changePassword(input: {currentPassword: $current, newPassword: $new}) {
            errors { code field }
          }
        }
    """
    new = "a phrase that no one stole"
    assert client_of(alice)(change, current=PASSWORD, new=new).problems == []
    assert anonymous(CONFIRM, token=stolen).problems == [("TOKEN_INVALID", "token")]
    assert addresses(alice) == {PRIMARY}


def test_page_confirms(alices: Callable[..., Answer], alice: User) -> None:
    assert alices(ADD).problems == []
    page = Client()
    assert page.get("/confirm-email-address").status_code == 200
    fields = {"token": token()}
    assert page.post("/confirm-email-address", fields).status_code == 400
    response: Any = page.post("/confirm-email-address", fields | {"password": PASSWORD})
    assert response.status_code == 200
    assert NEW in response.content.decode()
    assert page.post("/confirm-email-address", {"token": "x"}).status_code == 400
    assert addresses(alice) == {PRIMARY, NEW}


# The primary one -------------------------------------------------------------------------


def test_primary_address_is_swapped(
    alices: Callable[..., Answer], alice: User, mails: Sink
) -> None:
    User.objects.update(email_verified_at=timezone.now())
    other = give_address(alice)
    assert alices(SET_PRIMARY, NEW.upper()).problems == []
    alice.refresh_from_db()
    assert (alice.email, alice.email_verified_at) == (NEW, other.verified_at)
    assert secondary_addresses(alice) == [PRIMARY]
    event = Event.objects.get()
    assert (event.tag, [*event.data]) == (Tag.EMAIL_CHANGED, ["reversal"])
    deliver(mail_email_changed, Tag.EMAIL_CHANGED)
    assert mails.next()["To"] == PRIMARY

    assert alices(SET_PRIMARY, NEW).problems == []
    assert tags() == [Tag.EMAIL_CHANGED]


def test_unverified_former_primary_address_is_removed(
    alices: Callable[..., Answer], alice: User
) -> None:
    give_address(alice)
    assert alices(SET_PRIMARY).problems == []
    assert addresses(alice) == {NEW}


def test_only_own_verified_addresses_become_primary(
    alices: Callable[..., Answer], alice: User, bob: User
) -> None:
    give_address(bob, "bob@example.net")
    assert alices(ADD).problems == []
    for email in (NEW, "bob@example.net", bob.email, "unknown@example.org"):
        assert alices(SET_PRIMARY, email).problems == [("NOT_FOUND", "email")]
    assert (addresses(alice), addresses(bob)) == ({PRIMARY}, {bob.email, "bob@example.net"})
    assert tags() == [Tag.EMAIL_ADDRESS_REQUESTED]


def test_email_change_to_a_secondary_address_removes_it_from_the_list(
    client_of: ClientOf, alice: User, anonymous: GraphQLClient, mails: Sink
) -> None:
    """An e-mail change may select a secondary address of the same user."""
    give_address(alice)
    ask = f"""
        mutation {{
          requestEmailChange(input: {{email: "{NEW}", password: "{PASSWORD}"}}) {{
            errors {{ code }}
          }}
        }}
    """
    confirm = "mutation ($t: String!) { confirmEmailChange(input: {token: $t}) { email } }"
    assert client_of(alice)(ask).data["requestEmailChange"]["errors"] == []
    answer = client_of(alice)(confirm, t=alice.email_change.token)
    assert answer.data == {"confirmEmailChange": {"email": NEW}}
    assert addresses(alice) == {NEW}


# Removing --------------------------------------------------------------------------------


def test_removed_address_is_notified_and_cannot_sign_in(
    alices: Callable[..., Answer], alice: User, mails: Sink
) -> None:
    give_address(alice)
    assert alices(REMOVE).problems == []
    assert addresses(alice) == {PRIMARY}
    assert tags() == [Tag.EMAIL_ADDRESS_REMOVED]
    assert "example" not in str(Event.objects.get().data)
    deliver(mail_email_address_removed, Tag.EMAIL_ADDRESS_REMOVED)
    assert mails.next()["To"] == NEW
    EventDetails.objects.all().delete()
    deliver(mail_email_address_removed, Tag.EMAIL_ADDRESS_REMOVED)
    assert mails.is_empty()
    assert alices(REMOVE).problems == [("NOT_FOUND", "email")]


def test_primary_address_cannot_be_removed(alices: Callable[..., Answer], alice: User) -> None:
    assert alices(REMOVE, PRIMARY).problems == [("EMAIL_PRIMARY", "email")]
    assert addresses(alice) == {PRIMARY}
    assert tags() == []


def test_removal_cancels_pending_additions(
    alices: Callable[..., Answer], anonymous: GraphQLClient, mails: Sink
) -> None:
    assert alices(ADD).problems == []
    canceled = token()
    assert alices(REMOVE).problems == []
    assert anonymous(CONFIRM, token=canceled).problems == [("TOKEN_INVALID", "token")]
    deliver(mail_email_addition, Tag.EMAIL_ADDRESS_REQUESTED)
    assert mails.is_empty()
    assert tags() == [Tag.EMAIL_ADDRESS_REQUESTED]


def test_mails_without_recipient_are_not_sent(
    alice: User, anonymous: GraphQLClient, mails: Sink
) -> None:
    expires_at = timezone.now() + dt.timedelta(hours=1)
    addition = EmailAddition.objects.create(user=alice, email=NEW, expires_at=expires_at)
    assert anonymous(CONFIRM, token=addition.token).problems == []
    User.objects.all().delete()
    deliver(mail_email_address_added, Tag.EMAIL_ADDRESS_ADDED)
    assert mails.is_empty()
