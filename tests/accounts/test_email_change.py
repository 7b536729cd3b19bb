"""Change of the primary address: request with the password, confirmation by mail."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.accounts.test_sign_up import verify
from tests.accounts.test_sign_up_mail import text_of
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_token, make_user
from tests.support.signing_in import tags
from tests.support.sink import Sink
from users.accounts.models import EmailChange, User
from users.accounts.tasks import mail_email_change, mail_email_changed, prune_links
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

REQUEST = """
    mutation ($email: String!, $password: String!) {
      requestEmailChange(input: {email: $email, password: $password}) { errors { code field } }
    }
"""
# By default anonymous, with the password.
CONFIRM = f"""
    mutation ($token: String!, $password: String = "{PASSWORD}") {{
      confirmEmailChange(input: {{token: $token, password: $password}}) {{
        email errors {{ code field }}
      }}
    }}
"""
NEW = "alice@example.net"


@pytest.fixture
def request_change(client_of: ClientOf, alice: User) -> Callable[..., Answer]:
    client = client_of(alice)
    return lambda email=NEW, password=PASSWORD: client(REQUEST, email=email, password=password)


def token() -> str:
    return EmailChange.objects.get().token


def deliver(mail: Callable[[str], None], tag: Tag) -> None:
    mail(str(Event.objects.filter(tag=tag).latest("pk").pk))


def test_journey_with_a_mail_to_each_address(worker: Sink) -> None:
    client = GraphQLClient(make_token(make_user("alice", locale="de")))
    assert client(REQUEST, email=" Alice@Example.NET", password=PASSWORD).problems == []
    mail = worker.next()
    assert (mail["To"], mail["Subject"]) == (NEW, "Bestätigen Sie Ihre neue E-Mail-Adresse")
    link = f"http://testserver/confirm-email#token={token()}"
    assert link in text_of(mail, "plain")
    assert User.objects.get().email == "alice@example.org"

    answer = GraphQLClient()(CONFIRM, token=token())
    assert answer.data == {"confirmEmailChange": {"email": NEW, "errors": []}}
    notice = worker.next()
    assert notice["To"] == "alice@example.org"
    assert notice["Subject"] == "Ihre E-Mail-Adresse wurde geändert"
    assert NEW not in text_of(notice, "plain")
    assert client("{ me { email emailVerifiedAt } }").data["me"]["email"] == NEW
    assert User.objects.get().email_verified_at is not None


def test_link_is_single_use(
    request_change: Callable[..., Answer], anonymous: GraphQLClient
) -> None:
    assert request_change().problems == []
    used = token()
    assert anonymous(CONFIRM, token=used).problems == []
    assert anonymous(CONFIRM, token=used).problems == [("TOKEN_INVALID", "token")]
    assert tags() == [Tag.EMAIL_CHANGE_REQUESTED, Tag.EMAIL_CHANGED]


def test_concurrent_confirmations_apply_once(transactional_db: None) -> None:
    alice = make_user("alice")
    change = EmailChange.objects.create(
        user=alice, email=NEW, expires_at=timezone.now() + dt.timedelta(hours=1)
    )
    own = make_token(alice)
    answers = run_concurrently(
        *[lambda: GraphQLClient(own)(CONFIRM, token=change.token).problems] * 50
    )
    assert sorted(answers) == [[], *[[("TOKEN_INVALID", "token")]] * 49]
    assert tags() == [Tag.EMAIL_CHANGED]


def test_old_and_new_address_can_be_erased(
    request_change: Callable[..., Answer], anonymous: GraphQLClient, mails: Sink
) -> None:
    assert request_change().problems == []
    anonymous(CONFIRM, token=token())
    event = Event.objects.get(tag=Tag.EMAIL_CHANGED)
    assert "example" not in str(event.data)
    assert event.personal_values["old"] == {"email": "alice@example.org"}
    assert event.personal_values["new"] == {"email": NEW}
    EventDetails.objects.all().delete()
    deliver(mail_email_changed, Tag.EMAIL_CHANGED)
    assert mails.is_empty()


def test_wrong_password_is_recorded(request_change: Callable[..., Answer], alice: User) -> None:
    for password in ("", "wrong", PASSWORD.upper()):
        assert request_change(password=password).problems == [("PASSWORD_WRONG", "password")]
    assert tags() == [Tag.PASSWORD_REFUSED] * 3
    assert Event.objects.filter(subject_id=alice.pk, actor_id=alice.pk).count() == 3
    assert not EmailChange.objects.exists()


def test_password_guessing_is_throttled(
    request_change: Callable[..., Answer],
) -> None:
    for _attempt in range(10):
        assert request_change(password="wrong").problems == [("PASSWORD_WRONG", "password")]
    assert request_change().codes == ["TOO_MANY_ATTEMPTS"]
    assert not EmailChange.objects.exists()


def test_known_address_gets_the_same_answer_and_its_owner_a_mail(
    request_change: Callable[..., Answer], bob: User, mails: Sink, anonymous: GraphQLClient
) -> None:
    known = request_change("BOB@example.org")
    deliver(mail_email_change, Tag.EMAIL_CHANGE_REQUESTED)
    mail = mails.next()
    assert (mail["To"], mail["Subject"]) == ("bob@example.org", "You already have an account")
    assert "token" not in text_of(mail, "plain")
    assert anonymous(CONFIRM, token=token()).problems == [("EMAIL_TAKEN", "token")]
    unknown = request_change("unknown@example.org")
    assert (known.body, known.headers) == (unknown.body, unknown.headers)
    assert User.objects.filter(email="alice@example.org").exists()


def test_later_request_replaces_an_earlier_one(
    request_change: Callable[..., Answer], anonymous: GraphQLClient, mails: Sink
) -> None:
    assert request_change("first@example.org").problems == []
    first, event = token(), Event.objects.get()
    assert request_change("second@example.org").problems == []
    mail_email_change(str(event.pk))
    assert mails.is_empty()
    assert anonymous(CONFIRM, token=first).problems == [("TOKEN_INVALID", "token")]
    assert anonymous(CONFIRM, token=token()).data["confirmEmailChange"]["email"] == (
        "second@example.org"
    )


def test_current_address_changes_nothing(request_change: Callable[..., Answer]) -> None:
    assert request_change("ALICE@example.org").problems == []
    assert tags() == []
    assert not EmailChange.objects.exists()


@pytest.mark.parametrize("email", ["", "alice", "alice@", "a" * 300 + "@example.org", "a\0@b.c"])
def test_invalid_addresses_are_refused(request_change: Callable[..., Answer], email: str) -> None:
    assert request_change(email).problems == [("EMAIL_INVALID", "email")]
    assert tags() == []


def test_new_password_invalidates_the_link(
    client_of: ClientOf,
    request_change: Callable[..., Answer],
    anonymous: GraphQLClient,
    alice: User,
) -> None:
    assert request_change().problems == []
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
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


def test_old_link_is_refused_and_pruned(
    request_change: Callable[..., Answer], anonymous: GraphQLClient
) -> None:
    assert request_change().problems == []
    EmailChange.objects.update(expires_at=timezone.now())
    assert anonymous(CONFIRM, token=token()).problems == [("TOKEN_EXPIRED", "token")]
    assert EmailChange.objects.exists()
    prune_links()
    assert not EmailChange.objects.exists()


def test_token_of_another_kind_is_invalid(
    request_change: Callable[..., Answer], anonymous: GraphQLClient
) -> None:
    assert request_change().problems == []
    assert verify(anonymous, token()) == [("TOKEN_INVALID", "token")]
    assert EmailChange.objects.exists()


def test_page_confirms(request_change: Callable[..., Answer]) -> None:
    assert request_change().problems == []
    page = Client()
    response: Any = page.get("/confirm-email")
    # The note explains which password, and the alternative.
    assert "password, or sign in to it and open the link" in response.content.decode()
    response = page.post("/confirm-email", {"token": token()})
    assert (response.status_code, 'name="password"' in response.content.decode()) == (400, True)
    assert "leave this page: nothing changes" in response.content.decode()
    response = page.post("/confirm-email", {"token": token(), "password": PASSWORD})
    assert (response.status_code, NEW in response.content.decode()) == (200, True)
    assert User.objects.get().email == NEW
