"""Pre-hijacking attacks, of which none succeeds.

The classes are those of Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022), each
through every flow in which a stranger can enter an address or create an account before its owner.
Charlie is the stranger; Nina reads `nina@example.org`.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.utils import timezone

from core.security.crypto import digest, new_secret
from tests.accounts.test_email_addresses import ADD, give_address
from tests.accounts.test_email_addresses import CONFIRM as CONFIRM_ADDRESS
from tests.accounts.test_email_change import CONFIRM as CONFIRM_CHANGE
from tests.accounts.test_email_change import REQUEST as REQUEST_CHANGE
from tests.accounts.test_invitations import ACCEPT
from tests.accounts.test_sign_up import SIGN_UP, VERIFY, sign_up, verify
from tests.authentication.test_password_reset import RESET
from tests.organizations.test_joining_organizations import SIGN_UP as JOIN
from tests.support.api_tokens import create
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import (
    PASSWORD,
    make_organization,
    make_organization_invitation,
    make_session,
    make_user,
    node_id,
)
from tests.support.signing_in import log_in
from users.accounts.models import (
    EmailAddition,
    EmailAddress,
    EmailChange,
    Invitation,
    SignUp,
    User,
)
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import ApiToken, PasswordReset, Session
from users.authentication.services.passwords import prepare_password_reset
from users.organizations.models import Role

ClientOf = Callable[[User], GraphQLClient]

EMAIL: Final = "nina@example.org"
STRANGERS: Final = "what the stranger entered"
OWN: Final = "what the owner alone knows"
WITHOUT_PASSWORD: Final[dict[str, Any]] = {"password": None}


@pytest.fixture
def links(anonymous: GraphQLClient) -> dict[str, str]:
    """Sign Nina up, then Charlie by her address; return the links in her mailbox."""
    assert sign_up(anonymous, "nina", email=EMAIL, password=OWN) == []
    assert sign_up(anonymous, "charlie", email=EMAIL, password=STRANGERS) == []
    own, strangers = SignUp.objects.order_by("pk")
    return {"own": own.token, "stranger's": strangers.token}


def confirm(client: GraphQLClient, token: str, **fields: str) -> Answer:
    return client(VERIFY, token=token, **fields)


# Sign-up (classic-federated merge) -------------------------------------------------------


@pytest.mark.parametrize("clicked", ["own", "stranger's"])
@pytest.mark.parametrize(
    "fields",
    [{}, {"username": "nina"}, {"password": "wrong"}, {"password": "", "username": "nina"}],
)
def test_link_alone_creates_no_account(
    anonymous: GraphQLClient, links: dict[str, str], clicked: str, fields: dict[str, str]
) -> None:
    code = "PASSWORD_WRONG" if "password" in fields else "PASSWORD_REQUIRED"
    assert confirm(anonymous, links[clicked], **fields).problems == [(code, "password")]
    assert not User.objects.exists()
    assert SignUp.objects.count() == 2


def test_mailbox_owner_signs_up_despite_a_strangers_sign_up(
    anonymous: GraphQLClient, links: dict[str, str]
) -> None:
    assert verify(anonymous, links["own"], OWN) == []
    user = User.objects.get()
    assert (user.username, user.email) == ("nina", EMAIL)
    assert user.check_password(OWN)
    # The stranger's link is invalid, also for its finder.
    assert verify(anonymous, links["stranger's"], STRANGERS) == [("TOKEN_INVALID", "token")]


def test_strangers_sign_up_is_taken_over_by_the_mailbox_owner(
    anonymous: GraphQLClient, links: dict[str, str]
) -> None:
    """Regression: the owner opens the newest mail, which is the stranger's."""
    answer = confirm(anonymous, links["stranger's"], password=OWN)
    assert answer.problems == [("PASSWORD_WRONG", "password")]
    (error,) = answer.data["verifyEmail"]["errors"]
    assert "They replace those of the sign-up." in error["message"]

    fields = {"newPassword": OWN, "username": "nina"}
    assert confirm(anonymous, links["stranger's"], **fields).problems == []
    user = User.objects.get()
    assert user.username == "nina"
    assert user.check_password(OWN)
    assert not user.check_password(STRANGERS)
    assert not SignUp.objects.exists()
    assert log_in("nina", STRANGERS)["accessToken"] is None
    assert log_in("nina", OWN)["accessToken"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"newPassword": OWN}, ("USERNAME_INVALID", "username")),
        ({"newPassword": "short", "username": "nina"}, ("PASSWORD_TOO_WEAK", "newPassword")),
        ({"newPassword": OWN, "username": "admin"}, ("USERNAME_RESERVED", "username")),
        ({"newPassword": OWN, "username": "bob"}, ("USERNAME_TAKEN", "username")),
        (
            {"newPassword": OWN, "password": STRANGERS, "username": "nina"},
            ("VALUE_INVALID", "newPassword"),
        ),
    ],
)
@pytest.mark.usefixtures("bob")
def test_refused_attempt_keeps_the_link(
    anonymous: GraphQLClient,
    links: dict[str, str],
    fields: dict[str, str],
    problem: tuple[str, str],
) -> None:
    assert confirm(anonymous, links["stranger's"], **fields).problems == [problem]
    assert not User.objects.filter(email=EMAIL).exists()
    assert SignUp.objects.count() == 2


def test_strangers_cannot_exhaust_the_mail_limit(db: None) -> None:
    """The limit per address and network is a quarter of the limit per address."""
    stranger, owner = GraphQLClient(), GraphQLClient()
    stranger.http.defaults["REMOTE_ADDR"], owner.http.defaults["REMOTE_ADDR"] = "192.0.2.1", "::1"
    for number in range(6):
        values = {"email": EMAIL, "username": f"charlie{number}", "password": STRANGERS}
        answer = stranger(SIGN_UP, input=values)
    assert answer.codes == ["TOO_MANY_ATTEMPTS"]
    assert sign_up(owner, "nina", email=EMAIL) == []
    for network in range(2, 9):
        stranger.http.defaults["REMOTE_ADDR"] = f"192.0.2.{network}"
        for number in range(5):
            values = {"email": EMAIL, "username": f"carl{network}{number}", "password": STRANGERS}
            answer = stranger(SIGN_UP, input=values)
    assert answer.codes == ["TOO_MANY_ATTEMPTS"]
    assert SignUp.objects.filter(email=EMAIL).count() == 20


def test_link_can_be_mailed_again_by_its_username(
    anonymous: GraphQLClient, links: dict[str, str]
) -> None:
    again = """
        mutation ($email: String!, $username: String) {
          resendVerification(input: {email: $email, username: $username}) {
            errors { code field }
          }
        }
    """
    answers = [
        anonymous(again, email=EMAIL, username=name).body for name in (" Nina", "nobody", None)
    ]
    assert answers == [{"data": {"resendVerification": {"errors": []}}}] * 3
    mailed = Event.objects.filter(tag=Tag.SIGN_UP_VERIFICATION_REQUESTED).order_by("pk")
    own, strangers = SignUp.objects.order_by("pk")
    assert [event.subject_id for event in mailed] == [own.nonce, None, strangers.nonce]


@pytest.mark.parametrize("kind", ["invitation", "organization invitation"])
def test_invitation_takes_the_place_of_strangers_sign_ups(
    anonymous: GraphQLClient, client_of: ClientOf, root: User, links: dict[str, str], kind: str
) -> None:
    if kind == "invitation":
        invite = """
            mutation ($email: String!) { inviteUser(input: {email: $email}) { errors { code } } }
        """
        assert client_of(root)(invite, email=EMAIL).data["inviteUser"]["errors"] == []
        token, document = Invitation.objects.get().token, ACCEPT
    else:
        organization = make_organization("Bakers", root, role=Role.OWNER)
        token = make_organization_invitation(organization, root, email=EMAIL).token
        document = JOIN
    values = {"token": token, "username": "nina", "password": OWN}
    assert anonymous(document, input=values).problems == []
    assert User.objects.get(email=EMAIL).check_password(OWN)
    for link in links.values():
        assert verify(anonymous, link, STRANGERS) == [("TOKEN_INVALID", "token")]


# Addresses of an account that a stranger has (trojan identifier) --------------------------


@pytest.mark.parametrize("kind", ["change", "addition"])
def test_strangers_link_requires_the_password(
    client_of: ClientOf, anonymous: GraphQLClient, bob: User, kind: str
) -> None:
    """Otherwise Nina's address would be verified for an account of Charlie."""
    charlie = make_user("charlie")
    request, document, model = (
        (REQUEST_CHANGE, CONFIRM_CHANGE, EmailChange)
        if kind == "change"
        else (ADD, CONFIRM_ADDRESS, EmailAddition)
    )
    assert client_of(charlie)(request, email=EMAIL, password=PASSWORD).problems == []
    token = model.objects.get().token
    for client in (anonymous, client_of(bob)):
        for password, code in ((None, "PASSWORD_REQUIRED"), ("wrong", "PASSWORD_WRONG")):
            answer = client(document, token=token, password=password)
            assert answer.problems == [(code, "password")]
    assert not User.objects.with_address(EMAIL).exists()
    # The mailbox's owner can still sign up.
    assert sign_up(anonymous, "nina", email=EMAIL, password=OWN) == []
    assert verify(anonymous, SignUp.objects.get().token, OWN) == []
    answer = client_of(charlie)(document, token=token, password=None)
    assert answer.problems == [("EMAIL_TAKEN", "token")]


@pytest.mark.parametrize("kind", ["change", "addition"])
@pytest.mark.parametrize("proof", ["session", "password"])
def test_link_works_for_the_requesting_user_only(
    client_of: ClientOf, anonymous: GraphQLClient, alice: User, kind: str, proof: str
) -> None:
    request, document, model = (
        (REQUEST_CHANGE, CONFIRM_CHANGE, EmailChange)
        if kind == "change"
        else (ADD, CONFIRM_ADDRESS, EmailAddition)
    )
    own = client_of(alice)
    assert own(request, email=EMAIL, password=PASSWORD).problems == []
    token = model.objects.get().token
    if proof == "session":
        assert own(document, token=token, **WITHOUT_PASSWORD).problems == []
    else:
        assert anonymous(document, token=token, password=PASSWORD).problems == []
    assert User.objects.with_address(EMAIL).get() == alice


def test_guesses_at_the_link_are_counted(
    client_of: ClientOf, anonymous: GraphQLClient, alice: User
) -> None:
    assert client_of(alice)(REQUEST_CHANGE, email=EMAIL, password=PASSWORD).problems == []
    token = EmailChange.objects.get().token
    for _guess in range(10):
        answer = anonymous(CONFIRM_CHANGE, token=token, password="wrong")
        assert answer.problems == [("PASSWORD_WRONG", "password")]
    assert anonymous(CONFIRM_CHANGE, token=token).codes == ["TOO_MANY_ATTEMPTS"]
    assert Event.objects.filter(tag=Tag.PASSWORD_REFUSED, subject_id=alice.pk).count() == 10


# Accounts with an unverified address (unexpired session, trojan identifier) ---------------


def prepare(user: User) -> str:
    """Create a session, an API token and an address of a stranger; return the token."""
    make_session(user)
    secret = new_secret()
    ApiToken.objects.create(
        user=user,
        name="Charlie's",
        digest=digest(secret),
        scopes=["PROFILE_READ"],
        expires_at=timezone.now() + dt.timedelta(days=9),
    )
    give_address(user, "charlie@example.net")
    for model in (EmailChange, EmailAddition):
        expires_at = timezone.now() + dt.timedelta(hours=9)
        model.objects.create(user=user, email="carl@example.net", expires_at=expires_at)
    return secret


def reset(client: GraphQLClient, user: User) -> Answer:
    pending = prepare_password_reset(user.pk)
    assert pending is not None
    return client(RESET, token=pending.token, newPassword=OWN)


def test_first_verification_resets_the_account(
    anonymous: GraphQLClient,
) -> None:
    """An administrator created the account and sent its password to the wrong recipient."""
    user = make_user("nina", email=EMAIL)
    prepare(user)
    assert reset(anonymous, user).problems == []
    user.refresh_from_db()
    assert user.email_verified_at is not None
    for model in (Session, ApiToken, EmailAddress, EmailChange, EmailAddition, PasswordReset):
        assert not model.objects.filter(user=user).exists(), model
    tags = set(Event.objects.filter(subject_id=user.pk).values_list("tag", flat=True))
    assert tags >= {Tag.EMAIL_VERIFIED, Tag.API_TOKEN_REVOKED, Tag.EMAIL_ADDRESS_REMOVED}
    assert log_in("charlie@example.net", OWN)["accessToken"] is None


def test_later_resets_keep_the_owners_factors(anonymous: GraphQLClient) -> None:
    user = make_user("nina", email=EMAIL, email_verified_at=timezone.now())
    prepare(user)
    assert reset(anonymous, user).problems == []
    assert not Session.objects.filter(user=user).exists()
    assert not EmailChange.objects.exists()
    assert not EmailAddition.objects.exists()
    assert ApiToken.objects.count() == EmailAddress.objects.count() == 1


def test_mailbox_alone_does_not_remove_a_second_factor(
    anonymous: GraphQLClient,
) -> None:
    user = make_user("nina", email=EMAIL, second_factors=["totp"])
    prepare(user)
    assert reset(anonymous, user).problems == []
    user.refresh_from_db()
    assert (user.second_factors, user.email_verified_at) == (["totp"], None)
    assert not Session.objects.exists()
    assert ApiToken.objects.count() == 1


# Unexpired e-mail change -----------------------------------------------------------------


@pytest.mark.parametrize(
    "remedy",
    [
        'updateUser(input: {userId: $user, email: "nina@example.com"})',
        "requirePasswordReset(input: {userId: $user})",
        'suspendUser(input: {userId: $user, reason: "Stolen."})',
    ],
    ids=["address given by an administrator", "password taken", "suspended"],
)
def test_administrator_actions_cancel_pending_addresses(
    client_of: ClientOf, root: User, remedy: str
) -> None:
    """An attacker requested another address; the administrator returns the account."""
    user = make_user("nina")
    prepare(user)
    document = f"mutation ($user: ID!) {{ {remedy} {{ errors {{ code }} }} }}"
    (payload,) = client_of(root)(document, user=node_id(user)).data.values()
    assert payload["errors"] == []
    assert not EmailChange.objects.exists()
    assert not EmailAddition.objects.exists()


def test_api_token_does_not_confirm(client_of: ClientOf, alice: User) -> None:
    assert client_of(alice)(REQUEST_CHANGE, email=EMAIL, password=PASSWORD).problems == []
    secret = create(client_of(alice)).data["createApiToken"]["secret"]
    answer = GraphQLClient(secret)(CONFIRM_CHANGE, token=EmailChange.objects.get().token)
    assert answer.codes == ["INSUFFICIENT_SCOPE"]
    assert User.objects.get(pk=alice.pk).email == "alice@example.org"
