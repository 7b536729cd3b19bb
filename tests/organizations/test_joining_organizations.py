"""Acceptance and decline of invitations, with and without an account."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.security.actor import SYSTEM
from tests.accounts.test_sign_up import sign_up
from tests.accounts.test_sign_up_mail import text_of
from tests.organizations.test_organization_invitations import EMAIL, cancel, invite
from tests.organizations.test_organizations import DELETE
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import (
    PASSWORD,
    make_organization,
    make_organization_invitation,
    make_token,
    make_user,
    node_id,
)
from tests.support.signing_in import log_in_by_cookie, tags
from tests.support.sink import Sink
from users.accounts.models import SignUp, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.services.suspension import suspend_user
from users.organizations.models import (
    Membership,
    Organization,
    OrganizationInvitation,
    Role,
)
from users.organizations.tasks import mail_invitation

ClientOf = Callable[[User], GraphQLClient]

ACCEPT = """
    mutation ($token: String!) {
      acceptOrganizationInvitation(input: {token: $token}) {
        organization { name myRole } errors { code field }
      }
    }
"""
SIGN_UP = """
    mutation ($input: SignUpByOrganizationInvitationInput!) {
      signUpByOrganizationInvitation(input: $input) { username errors { code field } }
    }
"""
DECLINE = """
    mutation ($token: String!) {
      declineOrganizationInvitation(input: {token: $token}) { errors { code field } }
    }
"""
PAGE = "/join-organization"
INVALID = [("TOKEN_INVALID", "token")]


@pytest.fixture
def archers(alice: User) -> Organization:
    """Return Alice's organisation."""
    return make_organization("Archers", alice, role=Role.OWNER)


@pytest.fixture
def for_charlie(archers: Organization, alice: User, charlie: User) -> str:
    """Invite Charlie, who has an account; return the token."""
    User.objects.filter(pk=charlie.pk).update(email_verified_at=timezone.now())
    return make_organization_invitation(archers, alice, email=charlie.email).token


@pytest.fixture
def for_nina(archers: Organization, alice: User) -> str:
    """Invite Nina, who has no account; return the token."""
    return make_organization_invitation(archers, alice, email=EMAIL, role=Role.ADMIN).token


def members(organization: Organization) -> dict[str, str]:
    return dict(organization.memberships.values_list("user__username", "role"))


def join(client: GraphQLClient, **fields: str) -> list[tuple[str, str]]:
    """Sign up by an invitation, as Nina."""
    defaults = {"username": "nina", "password": PASSWORD}
    return client(SIGN_UP, input=defaults | fields).problems


def accept(client: GraphQLClient, token: str) -> list[tuple[str, str]]:
    return client(ACCEPT, token=token).problems


# The mail --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "subject", "greeting"),
    # The language of the account or, without one, of the invitation.
    [
        ("nina@example.org", "Sie sind in eine Organisation eingeladen", "Guten Tag,"),
        ("erin@example.org", "You are invited to Archers & Söhne", "Hello Erin Ebert,"),
    ],
)
def test_journey(worker: Sink, email: str, subject: str, greeting: str) -> None:
    erin = make_user("erin", name="Erin Ebert", email_verified_at=timezone.now())
    alice = make_user("alice", name="Win at https://evil.example")
    organization = make_organization("Archers & Söhne", alice, role=Role.OWNER)
    assert invite(GraphQLClient(make_token(alice)), organization, email, locale="de").problems == []
    mail = worker.next()
    assert (mail["To"], mail["Subject"]) == (email, subject)
    text, token = text_of(mail, "plain"), OrganizationInvitation.objects.get().token
    assert f"http://testserver/join-organization#token={token}" in text
    assert greeting in text
    is_known = email == erin.email
    assert ("alice invites you" in text) == is_known
    assert "evil.example" not in text + text_of(mail, "html")
    assert ("Archers &amp; Söhne" in text_of(mail, "html")) == is_known
    if email == erin.email:
        assert accept(GraphQLClient(make_token(erin)), token) == []
    else:
        assert join(GraphQLClient(), token=token) == []
    assert len(members(organization)) == 2


def test_answered_invitation_sends_no_mail(
    client_of: ClientOf, alice: User, archers: Organization, anonymous: GraphQLClient, mails: Sink
) -> None:
    assert invite(client_of(alice), archers, EMAIL).problems == []
    event = Event.objects.get()
    assert join(anonymous, token=OrganizationInvitation.objects.get().token) == []
    mail_invitation(str(event.pk))
    assert mails.is_empty()


# With an account -------------------------------------------------------------------------


def test_owner_of_the_address_joins_once(
    client_of: ClientOf, charlie: User, archers: Organization, for_charlie: str
) -> None:
    client = client_of(charlie)
    answer = client(ACCEPT, token=for_charlie)
    assert answer.data["acceptOrganizationInvitation"] == {
        "organization": {"name": "Archers", "myRole": "MEMBER"},
        "errors": [],
    }
    assert accept(client, for_charlie) == INVALID
    assert members(archers) == {"alice": "owner", "charlie": "member"}
    event = Event.objects.get()
    assert (event.tag, event.subject_id) == (
        Tag.ORGANIZATION_INVITATION_ACCEPTED,
        charlie.pk,
    )
    assert event.data["organization"] == str(archers.pk)


def test_concurrent_acceptances_join_once(transactional_db: None) -> None:
    alice, charlie = make_user("alice"), make_user("charlie")
    archers = make_organization("Archers", alice, role=Role.OWNER)
    token = make_organization_invitation(archers, alice, email=charlie.email).token
    client = make_token(charlie)
    answers = run_concurrently(*[lambda: accept(GraphQLClient(client), token)] * 50)
    assert sorted(answers) == [[], *[INVALID] * 49]
    assert members(archers) == {"alice": "owner", "charlie": "member"}


@pytest.mark.parametrize("_time", range(3))
def test_invitation_is_either_accepted_or_canceled(transactional_db: None, _time: int) -> None:
    alice, charlie = make_user("alice"), make_user("charlie")
    archers = make_organization("Archers", alice, role=Role.OWNER)
    invitation = make_organization_invitation(archers, alice, email=charlie.email)
    owner, invited = GraphQLClient(make_token(alice)), GraphQLClient(make_token(charlie))
    ends = run_concurrently(
        lambda: accept(invited, invitation.token),
        lambda: cancel(owner, invitation).problems,
    )
    assert ends in ([[], [("NOT_FOUND", "invitationId")]], [INVALID, []])
    assert (charlie.username in members(archers)) == (ends[0] == [])


@pytest.mark.parametrize("_time", range(3))
def test_deleted_organization_cannot_be_joined(transactional_db: None, _time: int) -> None:
    alice, charlie = make_user("alice"), make_user("charlie")
    archers = make_organization("Archers", alice, role=Role.OWNER)
    token = make_organization_invitation(archers, alice, email=charlie.email).token
    owner, invited = GraphQLClient(make_token(alice)), GraphQLClient(make_token(charlie))
    joined, deleted = run_concurrently(
        lambda: accept(invited, token),
        lambda: owner(DELETE, id=node_id(archers), password=PASSWORD).problems,
    )
    assert joined in ([], INVALID)
    assert deleted == []
    assert not Membership.objects.exists()


def test_invitation_of_another_is_refused_and_kept(
    client_of: ClientOf,
    anonymous: GraphQLClient,
    bob: User,
    charlie: User,
    archers: Organization,
    for_charlie: str,
) -> None:
    assert accept(client_of(bob), for_charlie) == [("INVITATION_OF_ANOTHER", "token")]
    assert anonymous(ACCEPT, token=for_charlie).codes == ["UNAUTHENTICATED"]
    assert members(archers) == {"alice": "owner"}
    assert accept(client_of(charlie), for_charlie) == []


def test_accepting_verifies_the_address(
    client_of: ClientOf, charlie: User, for_charlie: str
) -> None:
    User.objects.update(email_verified_at=None)
    assert accept(client_of(charlie), for_charlie) == []
    charlie.refresh_from_db()
    assert charlie.email_verified_at is not None
    assert tags() == [Tag.EMAIL_VERIFIED, Tag.ORGANIZATION_INVITATION_ACCEPTED]


def test_member_does_not_join_again(
    client_of: ClientOf, charlie: User, archers: Organization, for_charlie: str
) -> None:
    Membership.objects.create(organization=archers, user=charlie, role=Role.ADMIN)
    assert accept(client_of(charlie), for_charlie) == [("ALREADY_MEMBER", "token")]
    assert members(archers) == {"alice": "owner", "charlie": "admin"}


# Without an account ----------------------------------------------------------------------


@pytest.mark.parametrize("sign_up_by", [["open"], ["invitation"], ["example.org"]])
def test_stranger_gets_an_account_and_joins(
    anonymous: GraphQLClient,
    archers: Organization,
    for_nina: str,
    settings: Any,
    sign_up_by: list[str],
) -> None:
    settings.SIGN_UP = sign_up_by
    assert join(anonymous, token=for_nina) == []
    user = User.objects.get(username="nina")
    assert (user.email, user.check_password(PASSWORD)) == (EMAIL, True)
    assert user.email_verified_at is not None
    assert members(archers) == {"alice": "owner", "nina": "admin"}
    assert tags() == [Tag.USER_CREATED, Tag.ORGANIZATION_INVITATION_ACCEPTED]
    assert join(anonymous, token=for_nina, username="nina2") == INVALID


@pytest.mark.parametrize(
    ("sign_up_by", "problem"),
    [
        (["closed"], ("SIGN_UP_CLOSED", "")),
        (["example.com"], ("EMAIL_DOMAIN_NOT_ALLOWED", "token")),
    ],
)
def test_rules_for_sign_ups_hold_for_the_invited(
    anonymous: GraphQLClient, for_nina: str, settings: Any, sign_up_by: list[str], problem: Any
) -> None:
    settings.SIGN_UP = sign_up_by
    assert join(anonymous, token=for_nina) == [problem]
    assert not User.objects.filter(username="nina").exists()
    assert OrganizationInvitation.objects.exists()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"username": "x"}, ("USERNAME_INVALID", "username")),
        ({"username": "root"}, ("USERNAME_RESERVED", "username")),
        ({"username": "alice"}, ("USERNAME_TAKEN", "username")),
        ({"password": EMAIL}, ("PASSWORD_TOO_WEAK", "password")),
        ({"token": "x"}, ("TOKEN_INVALID", "token")),
    ],
)
def test_refused_attempt_keeps_the_invitation(
    anonymous: GraphQLClient, archers: Organization, for_nina: str, fields: Any, problem: Any
) -> None:
    assert join(anonymous, **({"token": for_nina} | fields)) == [problem]
    assert members(archers) == {"alice": "owner"}
    assert join(anonymous, token=for_nina) == []


def test_existing_accounts_must_sign_in(
    anonymous: GraphQLClient, archers: Organization, for_charlie: str
) -> None:
    assert join(anonymous, token=for_charlie) == [("EMAIL_TAKEN", "token")]
    assert members(archers) == {"alice": "owner"}
    assert OrganizationInvitation.objects.exists()


def test_account_takes_the_place_of_a_sign_up(anonymous: GraphQLClient, for_nina: str) -> None:
    assert sign_up(anonymous, "ninette") == []
    SignUp.objects.update(email=EMAIL)
    assert join(anonymous, token=for_nina) == []
    assert not SignUp.objects.exists()


# Invalid links ---------------------------------------------------------------------------


def test_mailbox_owner_declines(
    anonymous: GraphQLClient, archers: Organization, for_nina: str
) -> None:
    assert anonymous(DECLINE, token=for_nina).problems == []
    assert anonymous(DECLINE, token=for_nina).problems == INVALID
    assert join(anonymous, token=for_nina) == INVALID
    assert tags() == [Tag.ORGANIZATION_INVITATION_DECLINED]
    assert members(archers) == {"alice": "owner"}


def leads_nowhere(client: GraphQLClient, token: str, end: list[tuple[str, str]] = INVALID) -> bool:
    before = Membership.objects.count()
    ends = [accept(client, token), join(GraphQLClient(), token=token)]
    ends.append(GraphQLClient()(DECLINE, token=token).problems)
    assert Membership.objects.count() == before
    return ends == [end] * 3


def test_link_dies_with_its_inviters_right_to_invite(
    client_of: ClientOf, archers: Organization, alice: User, charlie: User, for_charlie: str
) -> None:
    owner, client = Membership.objects.get(user=alice), client_of(charlie)
    Membership.objects.filter(pk=owner.pk).update(role=Role.MEMBER)
    assert leads_nowhere(client, for_charlie)
    owner.delete()
    assert leads_nowhere(client, for_charlie)
    # An administrator of the organisation may still invite plain members.
    Membership.objects.create(organization=archers, user=alice, role=Role.ADMIN)
    assert accept(client, for_charlie) == []


def test_link_dies_with_its_inviters_account(
    client_of: ClientOf, alice: User, charlie: User, for_charlie: str
) -> None:
    suspend_user(alice.pk, actor=SYSTEM, reason="Spam")
    assert leads_nowhere(client_of(charlie), for_charlie)


def test_link_dies_with_its_organization(
    client_of: ClientOf, archers: Organization, charlie: User, for_charlie: str
) -> None:
    archers.delete()
    assert leads_nowhere(client_of(charlie), for_charlie)


def test_link_dies_of_age(client_of: ClientOf, charlie: User, for_charlie: str) -> None:
    OrganizationInvitation.objects.update(expires_at=timezone.now())
    assert leads_nowhere(client_of(charlie), for_charlie, [("TOKEN_EXPIRED", "token")])


# The page --------------------------------------------------------------------------------


def post(page: Client, **fields: str) -> tuple[int, str]:
    response: Any = page.post(PAGE, fields)
    return response.status_code, response.content.decode()


def test_page_creates_an_account_for_new_users(archers: Organization, for_nina: str) -> None:
    page = Client()
    html = page.get(PAGE).content.decode()
    assert 'name="password"' in html
    assert "If you have an account, sign in" in html
    status, html = post(page, token=for_nina, username="nina", password="short")
    assert (status, f'value="{for_nina}"' in html) == (400, True)
    status, html = post(page, token=for_nina, username="nina", password=PASSWORD)
    assert (status, "nina" in html) == (200, True)
    assert members(archers) == {"alice": "owner", "nina": "admin"}


def test_page_names_the_organization(archers: Organization, for_nina: str) -> None:
    Organization.objects.update(name="www.evil.example <b>")
    page = Client()
    assert '<button class="quiet" name="show" value="1"' in page.get(PAGE).content.decode()
    status, html = post(page, token=for_nina, show="1", username="", password="")
    assert status == 200
    assert "alice invites you to join the organisation www.evil.example &lt;b&gt;." in html
    assert f'value="{for_nina}"' in html
    assert 'role="alert"' not in html
    assert post(page, token="x", show="1")[0] == 400
    status, html = post(page, token=for_nina, username="nina", password=PASSWORD)
    assert (status, "nina" in html) == (200, True)


def test_page_joins_the_signed_in_user(archers: Organization, for_charlie: str) -> None:
    status, html = post(Client(), token=for_charlie, username="new", password=PASSWORD)
    assert (status, "open the link again" in html) == (400, True)
    page = log_in_by_cookie("charlie").http
    html = page.get(PAGE).content.decode()
    assert ("as charlie" in html, 'name="password"' in html) == (True, False)
    status, html = post(page, token=for_charlie)
    assert (status, "You are now a member of Archers." in html) == (200, True)
    assert members(archers) == {"alice": "owner", "charlie": "member"}
