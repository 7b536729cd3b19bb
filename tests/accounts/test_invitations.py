"""Invitations of administrators to create an account."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from schema.nodes import global_id
from tests.accounts.test_sign_up import PASSWORD, sign_up
from tests.accounts.test_sign_up_mail import text_of
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_token, make_user
from tests.support.sink import Sink
from users.accounts.models import Invitation, SignUp, User
from users.accounts.tasks import mail_invitation, prune_links
from users.activity.models import Event
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]
Capture = Callable[[], AbstractContextManager[Statements]]

INVITE = """
    mutation ($input: InviteUserInput!) { inviteUser(input: $input) { errors { code field } } }
"""
ACCEPT = """
    mutation ($input: AcceptInvitationInput!) {
      acceptInvitation(input: $input) { username errors { code field } }
    }
"""
EMAIL = "nina@example.org"

RESEND = """
    mutation ($id: ID!) { resendInvitation(input: {invitationId: $id}) { errors { code field } } }
"""


INVITATIONS = """
    query ($first: Int!) { invitations(first: $first) { nodes { email locale } } }
"""


def accept(client: GraphQLClient, **fields: str) -> list[tuple[str, str]]:
    defaults = {"username": "nina", "password": PASSWORD}
    return client(ACCEPT, input=defaults | fields).problems


@pytest.fixture
def invited(client_of: ClientOf, root: User) -> str:
    """Invite Nina; return her token."""
    answer = client_of(root)(INVITE, input={"email": EMAIL, "name": "Nina Nowak", "locale": "de"})
    assert answer.problems == []
    return Invitation.objects.get().token


def test_journey(worker: Sink) -> None:
    root = GraphQLClient(make_token(make_user("root", is_staff=True, is_superuser=True)))
    assert root(INVITE, input={"email": f" {EMAIL.upper()}", "locale": "de"}).problems == []
    mail = worker.next()
    assert (mail["To"], mail["Subject"]) == (EMAIL, "Sie sind eingeladen")
    token = Invitation.objects.get().token
    assert f"http://testserver/accept-invitation#token={token}" in text_of(mail, "plain")
    assert accept(GraphQLClient(), token=token) == []
    user = User.objects.select_related("profile").get(username="nina")
    assert (user.email, user.profile.locale) == (EMAIL, "de")
    assert user.email_verified_at is not None
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("size", [1, 2])
def test_administrators_list_pending_invitations(
    client_of: ClientOf, root: User, sam: User, statements: Capture, size: int
) -> None:
    client = client_of(root)
    for name in ("nina", "otto"):
        fields = {"email": f"{name}@example.org", "locale": "de"}
        assert client(INVITE, input=fields).problems == []
    with statements() as captured:
        answer = client(INVITATIONS, first=size)
    emails = [each["email"] for each in answer.data["invitations"]["nodes"]]
    assert emails == ["otto@example.org", "nina@example.org"][:size]
    assert len(captured) == 2
    assert client_of(sam)(INVITATIONS, first=size).data == {"invitations": {"nodes": []}}


def test_invitation_works_with_closed_sign_up(
    invited: str, anonymous: GraphQLClient, settings: Any
) -> None:
    settings.SIGN_UP = ["invitation"]
    assert accept(anonymous, token=invited) == []
    user = User.objects.get(username="nina")
    assert user.name == "Nina Nowak"
    assert accept(anonymous, token=invited, username="nina2") == [("TOKEN_INVALID", "token")]
    assert list(Event.objects.order_by("pk").values_list("tag", flat=True)) == [
        Tag.USER_INVITED,
        Tag.INVITATION_ACCEPTED,
        Tag.USER_CREATED,
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"username": "x"}, ("USERNAME_INVALID", "username")),
        ({"username": "admin"}, ("USERNAME_RESERVED", "username")),
        ({"username": "root"}, ("USERNAME_RESERVED", "username")),
        ({"username": "bob"}, ("USERNAME_TAKEN", "username")),
        ({"password": "short"}, ("PASSWORD_TOO_WEAK", "password")),
        ({"password": EMAIL}, ("PASSWORD_TOO_WEAK", "password")),
        ({"token": "x"}, ("TOKEN_INVALID", "token")),
    ],
)
def test_refused_attempt_keeps_the_invitation(
    invited: str, bob: User, anonymous: GraphQLClient, fields: dict[str, str], problem: Any
) -> None:
    assert accept(anonymous, **({"token": invited} | fields)) == [problem]
    assert User.objects.count() == 2
    assert accept(anonymous, token=invited) == []


def test_later_invitation_replaces_an_earlier_one(
    client_of: ClientOf, root: User, invited: str, anonymous: GraphQLClient, mails: Sink
) -> None:
    assert client_of(root)(INVITE, input={"email": EMAIL}).problems == []
    assert accept(anonymous, token=invited) == [("TOKEN_INVALID", "token")]
    first = Event.objects.filter(tag=Tag.USER_INVITED).earliest("pk")
    mail_invitation(str(first.pk))
    assert mails.is_empty()
    assert accept(anonymous, token=Invitation.objects.get().token) == []


def test_invitation_takes_the_place_of_a_sign_up(invited: str, anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous, "ninette") == []
    assert accept(anonymous, token=invited) == []
    assert not SignUp.objects.exists()


def test_old_invitation_is_refused_and_pruned(invited: str, anonymous: GraphQLClient) -> None:
    Invitation.objects.update(expires_at=timezone.now())
    assert accept(anonymous, token=invited) == [("TOKEN_EXPIRED", "token")]
    prune_links()
    assert not Invitation.objects.exists()
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": "x"}, ("EMAIL_INVALID", "email")),
        ({"email": "ROOT@example.org"}, ("EMAIL_TAKEN", "email")),
        ({"email": EMAIL, "locale": "f"}, ("LOCALE_UNSUPPORTED", "locale")),
        ({"email": EMAIL, "name": "n" * 151}, ("VALUE_INVALID", "name")),
        ({"email": EMAIL, "name": "\0"}, ("VALUE_INVALID", "name")),
    ],
)
def test_bad_invitation_is_refused(
    client_of: ClientOf, root: User, fields: dict[str, str], problem: Any
) -> None:
    assert client_of(root)(INVITE, input=fields).problems == [problem]
    assert not Invitation.objects.exists()


def test_invitations_respect_closed_sign_up(client_of: ClientOf, root: User, settings: Any) -> None:
    settings.SIGN_UP = ["closed"]
    answer = client_of(root)(INVITE, input={"email": EMAIL})
    assert answer.problems == [("SIGN_UP_CLOSED", "")]
    assert not Invitation.objects.exists()


def test_invitation_that_cannot_be_accepted_is_not_sent_again(
    client_of: ClientOf, root: User, invited: str, settings: Any
) -> None:
    resend, key = client_of(root), global_id("Invitation", Invitation.objects.get().pk)
    owner = make_user("nina", email=Invitation.objects.get().email)
    assert resend(RESEND, id=key).problems == [("EMAIL_TAKEN", "invitationId")]
    owner.delete()
    settings.SIGN_UP = ["closed"]
    assert resend(RESEND, id=key).problems == [("SIGN_UP_CLOSED", "")]
    assert Invitation.objects.get().token == invited
    settings.SIGN_UP = ["open"]
    assert resend(RESEND, id=key).problems == []
    assert Invitation.objects.get().token != invited


def test_page_asks_again_for_invalid_input(invited: str) -> None:
    page = Client()
    assert 'name="password"' in page.get("/accept-invitation").content.decode()
    fields = {"token": invited, "username": "nina", "password": "short"}
    response: Any = page.post("/accept-invitation", fields)
    html = response.content.decode()
    assert (response.status_code, 'role="alert"' in html) == (400, True)
    assert f'value="{invited}"' in html
    assert "short" not in html.replace("too short", "")
    response = page.post("/accept-invitation", fields | {"password": PASSWORD})
    assert (response.status_code, "nina" in response.content.decode()) == (200, True)
    assert User.objects.filter(username="nina").exists()
