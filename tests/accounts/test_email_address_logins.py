"""Uses of any verified address: sign-in, password reset, invitations."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from tests.accounts.test_email_addresses import NEW, give_address
from tests.accounts.test_sign_up import sign_up, verify
from tests.authentication.test_password_reset import reset
from tests.authentication.test_password_reset_mail import deliver_mail, request, token_mailed
from tests.organizations.test_joining_organizations import ACCEPT
from tests.support.client import GraphQLClient
from tests.support.factories import make_organization, make_organization_invitation
from tests.support.signing_in import THROTTLED, attempt, lock_out, log_in, tags
from tests.support.sink import Sink
from users.accounts.models import EmailAddress, SignUp, User
from users.accounts.tasks import mail_sign_up
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import PasswordReset
from users.organizations.models import Role

ClientOf = Callable[[User], GraphQLClient]


@pytest.fixture
def secondary(alice: User) -> EmailAddress:
    return give_address(alice)


@pytest.mark.usefixtures("secondary")
@pytest.mark.parametrize("login", [NEW, " ALICE@Example.NET", "alice@example.org", "Alice"])
def test_any_address_signs_in(login: str) -> None:
    assert log_in(login)["user"] == {"username": "alice", "email": "alice@example.org"}


def test_address_signs_in_as_long_as_it_is_there(secondary: EmailAddress) -> None:
    secondary.delete()
    assert log_in(NEW)["errors"][0]["code"] == "CREDENTIALS_INVALID"


@pytest.mark.usefixtures("secondary")
def test_any_address_gets_the_link_to_a_new_password(
    anonymous: GraphQLClient, mails: Sink, alice: User
) -> None:
    lock_out(NEW)
    assert request(anonymous, NEW.upper()) == []
    assert NEW not in str(Event.objects.latest("pk").data)
    deliver_mail()
    assert mails.mails.queue[0]["To"] == NEW
    assert reset(anonymous, token_mailed(mails)) == []
    # Access to this mailbox does not verify the primary address.
    alice.refresh_from_db()
    assert alice.email_verified_at is None
    assert attempt(NEW).codes != THROTTLED


@pytest.mark.usefixtures("secondary")
def test_links_to_two_addresses_are_independent(
    anonymous: GraphQLClient, mails: Sink, alice: User
) -> None:
    tokens = []
    for email in (alice.email, NEW, alice.email):
        assert request(anonymous, email) == []
        deliver_mail()
        tokens.append(token_mailed(mails))
    assert tokens[0] == tokens[2] != tokens[1]
    assert PasswordReset.objects.count() == 2
    assert reset(anonymous, tokens[1]) == []
    # A password reset ends all sessions.
    assert reset(anonymous, tokens[0], "yet another phrase here") == [("TOKEN_INVALID", "token")]


def test_link_to_a_removed_address_is_invalid(
    anonymous: GraphQLClient, mails: Sink, secondary: EmailAddress
) -> None:
    assert request(anonymous, NEW) == []
    deliver_mail()
    token = token_mailed(mails)
    secondary.delete()
    assert reset(anonymous, token) == [("TOKEN_INVALID", "token")]
    deliver_mail()
    assert mails.is_empty()
    assert not Event.objects.filter(tag=Tag.PASSWORD_RESET).exists()


@pytest.mark.usefixtures("secondary")
def test_sign_up_with_a_secondary_address_creates_no_account(
    anonymous: GraphQLClient, mails: Sink
) -> None:
    assert sign_up(anonymous, email=NEW, username="nina") == []
    mail_sign_up(str(Event.objects.get().pk))
    assert mails.next()["Subject"] == "You already have an account"
    assert verify(anonymous, SignUp.objects.get().token) == [("EMAIL_TAKEN", "token")]
    assert User.objects.count() == 1


@pytest.mark.usefixtures("secondary")
def test_invitation_to_any_address_is_for_its_owner(
    client_of: ClientOf, alice: User, bob: User
) -> None:
    User.objects.update(email_verified_at=timezone.now())
    organization = make_organization("Bakers", bob, role=Role.OWNER)
    token = make_organization_invitation(organization, bob, email=NEW).token
    assert client_of(bob)(ACCEPT, token=token).problems == [("INVITATION_OF_ANOTHER", "token")]
    assert client_of(alice)(ACCEPT, token=token).problems == []
    assert organization.memberships.filter(user=alice).exists()
    assert Tag.EMAIL_VERIFIED not in tags()
