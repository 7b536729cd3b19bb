"""Undoing a change of the primary address, by the former one."""

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.accounts.test_email_addresses import SET_PRIMARY, give_address
from tests.accounts.test_email_change import CONFIRM, NEW, REQUEST
from tests.accounts.test_sign_up_mail import text_of
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_api_token, make_token, make_user, node_id
from tests.support.signing_in import REFUSED, attempt, tags
from tests.support.sink import Sink
from users.accounts.models import EmailAddress, EmailChange, EmailReversal, User
from users.accounts.services.mailed_links import create_reversal
from users.accounts.tasks import prune_links
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import ApiToken, Session, Suspension
from users.authentication.tasks import mail_password_reset
from users.scopes import Scope

FORMER = "alice@example.org"
UNDO = """
    mutation ($token: String!) {
      undoEmailChange(input: {token: $token}) { email errors { code field } }
    }
"""
UPDATE_USER = """
    mutation ($id: ID!, $email: String!) {
      updateUser(input: {userId: $id, email: $email}) { errors { code field } }
    }
"""


@pytest.fixture
def hijacked(alice: User) -> User:
    """Return Alice, whose verified address was changed by another with her password."""
    User.objects.filter(pk=alice.pk).update(email_verified_at=timezone.now() - dt.timedelta(1))
    change_to(alice, NEW)
    alice.refresh_from_db()
    assert alice.email == NEW
    return alice


def change_to(user: User, email: str) -> None:
    client = GraphQLClient(make_token(user))
    assert client(REQUEST, email=email, password=PASSWORD).problems == []
    assert client(CONFIRM, token=EmailChange.objects.get().token).problems == []


def token_of(email: str = FORMER) -> str:
    return EmailReversal.objects.get(email=email).token


def undo(token: str) -> list[tuple[str, str]]:
    return GraphQLClient()(UNDO, token=token).problems


def test_former_address_is_mailed_the_way_back(worker: Sink) -> None:
    alice = make_user("alice", email_verified_at=timezone.now())
    client = GraphQLClient(make_token(alice))
    assert client(REQUEST, email=NEW, password=PASSWORD).problems == []
    assert worker.next()["To"] == NEW
    assert client(CONFIRM, token=EmailChange.objects.get().token).problems == []
    notice = worker.next()
    assert notice["To"] == FORMER
    token = token_of()
    assert f"http://testserver/undo-email-change#token={token}" in text_of(notice, "plain")

    assert undo(token) == []
    mailed = {(mail := worker.next())["To"]: mail for _each in range(2)}
    assert mailed[NEW]["Subject"] == "Your e-mail address was changed"
    assert "undo-email-change" not in text_of(mailed[NEW], "plain")
    assert "/reset-password#token=" in text_of(mailed[FORMER], "plain")
    assert "was undone" in mailed[FORMER]["Subject"]


def test_undoing_shuts_out_who_changed_it(hijacked: User) -> None:
    token = token_of()
    late = EmailAddress.objects.create(
        user=hijacked, email="late@example.net", verified_at=timezone.now()
    )
    early = give_address(hijacked, "early@example.net")
    EmailAddress.objects.filter(pk=early.pk).update(
        verified_at=timezone.now() - dt.timedelta(days=9)
    )
    assert undo(token) == []
    hijacked.refresh_from_db()
    assert (hijacked.email, hijacked.email_verified_at is None) == (FORMER, False)
    assert not EmailAddress.objects.filter(pk=late.pk).exists()
    assert EmailAddress.objects.get().email == early.email
    assert not Session.objects.exists()
    assert attempt("alice").problems == REFUSED
    assert tags()[-4:] == [
        *(Tag.EMAIL_ADDRESS_REMOVED, Tag.EMAIL_CHANGED, Tag.EMAIL_CHANGE_UNDONE),
        Tag.LOG_IN_REFUSED,
    ]
    assert undo(token) == [("TOKEN_INVALID", "token")]


def test_api_tokens_of_who_changed_it_do_not_stay(hijacked: User) -> None:
    make_api_token(hijacked, Scope.PROFILE_READ, name="own")
    ApiToken.objects.update(created_at=timezone.now() - dt.timedelta(days=9))
    make_api_token(hijacked, Scope.PROFILE_READ, name="thief's")
    assert undo(token_of()) == []
    assert ApiToken.objects.get().name == "own"
    assert tags().count(Tag.API_TOKEN_REVOKED) == 1


def test_first_of_several_changes_undoes_the_later(hijacked: User) -> None:
    change_to(hijacked, "third@example.net")
    later = token_of(NEW)
    assert undo(token_of()) == []
    assert undo(later) == [("TOKEN_INVALID", "token")]
    hijacked.refresh_from_db()
    assert hijacked.email == FORMER


def test_former_primary_that_was_the_users_before_stays_secondary(alice: User) -> None:
    """Of two addresses of hers, the other was made the primary one."""
    long_ago = timezone.now() - dt.timedelta(days=9)
    User.objects.filter(pk=alice.pk).update(email=NEW, email_verified_at=long_ago)
    give_address(alice, FORMER)
    create_reversal(alice.pk, FORMER, changed_at=timezone.now())
    assert undo(token_of()) == []
    alice.refresh_from_db()
    assert (alice.email, EmailAddress.objects.get().email) == (FORMER, NEW)


def test_addresses_that_were_added_for_the_change_do_not_stay(alice: User) -> None:
    """A thief adds two, makes one the primary, and could reset the password by either."""
    User.objects.filter(pk=alice.pk).update(email_verified_at=timezone.now() - dt.timedelta(9))
    thief = GraphQLClient(make_token(alice))
    give_address(alice, "thief@example.net")
    give_address(alice, NEW)
    assert thief(SET_PRIMARY, email=NEW, password=PASSWORD).problems == []
    alice.refresh_from_db()
    assert alice.email == NEW
    assert undo(token_of()) == []
    alice.refresh_from_db()
    assert alice.email == FORMER
    assert not EmailAddress.objects.exists()


def test_unverified_address_undoes_nothing(alice: User) -> None:
    """It may be a stranger's."""
    change_to(alice, NEW)
    assert not EmailReversal.objects.exists()


def test_administrators_change_ends_the_right(hijacked: User, root: User) -> None:
    token = token_of()
    answer = GraphQLClient(make_token(root))(
        UPDATE_USER, id=node_id(hijacked), email="owner@example.net"
    )
    assert answer.problems == []
    assert undo(token) == [("TOKEN_INVALID", "token")]


def test_new_password_does_not_end_the_right(hijacked: User) -> None:
    answer = GraphQLClient(make_token(hijacked))(
        """mutation ($old: String!) { changePassword(input: {
            currentPassword: $old, newPassword: "a phrase of the thief alone"
        }) { errors { code } } }""",
        old=PASSWORD,
    )
    assert answer.codes == []
    assert undo(token_of()) == []


def test_address_that_was_taken_meanwhile_is_not_taken_back(hijacked: User) -> None:
    token = token_of()
    make_user("other", email=FORMER)
    assert undo(token) == [("EMAIL_TAKEN", "token")]
    hijacked.refresh_from_db()
    assert hijacked.email == NEW
    assert EmailReversal.objects.exists()


def test_right_expires_and_is_pruned(hijacked: User) -> None:
    token = token_of()
    EmailReversal.objects.update(expires_at=timezone.now())
    assert undo(token) == [("TOKEN_EXPIRED", "token")]
    prune_links()
    assert not EmailReversal.objects.exists()


def test_concurrent_uses_undo_once(transactional_db: None) -> None:
    alice = make_user("alice", email=NEW)
    create_reversal(alice.pk, FORMER, changed_at=timezone.now())
    token = token_of()
    answers = run_concurrently(*[lambda: undo(token)] * 10)
    assert sorted(answers) == [[], *[[("TOKEN_INVALID", "token")]] * 9]


def test_page_undoes_after_a_click(hijacked: User) -> None:
    page: Any = Client()
    assert "Undo the change" in page.get("/undo-email-change").content.decode()
    response = page.post("/undo-email-change", {"token": token_of()})
    assert (response.status_code, "Done." in response.content.decode()) == (200, True)
    hijacked.refresh_from_db()
    assert hijacked.email == FORMER


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", "We have sent you a mail with a link"),
        ("suspended", "Your account is suspended. Contact an administrator"),
        ("suspended for a time", "Your account is suspended until Jan. 31, 2040, noon (UTC)."),
        ("deactivated", "Your account is deactivated or scheduled for deletion."),
    ],
)
def test_page_promises_a_mail_only_if_one_is_sent(
    hijacked: User, state: str, expected: str
) -> None:
    User.objects.filter(pk=hijacked.pk).update(is_active=state == "active")
    if state.startswith("suspended"):
        until = dt.datetime(2040, 1, 31, 12, tzinfo=dt.UTC) if "time" in state else None
        Suspension.objects.create(user=hijacked, reason="Spam", until=until)
    response: Any = Client().post("/undo-email-change", {"token": token_of()})
    html = response.content.decode()
    assert (response.status_code, expected in html) == (200, True), html
    mail_password_reset(Event.objects.get(tag=Tag.EMAIL_CHANGE_UNDONE).pk)
    assert len(mail.outbox) == ("We have sent you a mail" in html)
