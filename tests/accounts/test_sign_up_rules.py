"""Sign-up restrictions, rate limits, and repeated mails."""

from typing import Any

import pytest

from core.outbox.models import OutboxMessage
from tests.accounts.test_sign_up import PASSWORD, SIGN_UP, sign_up, token_of, verify
from tests.accounts.test_sign_up_mail import text_of
from tests.support.client import GraphQLClient
from tests.support.factories import make_user
from tests.support.sink import Sink
from users.accounts.models import SignUp, User
from users.accounts.tasks import mail_sign_up
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

REQUEST_RESET = """
    mutation ($email: String!) {
      requestPasswordReset(input: {email: $email}) { errors { code field } }
    }
"""
RESEND = """
    mutation ($email: String!) {
      resendVerification(input: {email: $email}) { errors { code field } }
    }
"""


# The setting -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["closed", "invitation"])
def test_closed_sign_up_is_refused(anonymous: GraphQLClient, settings: Any, mode: str) -> None:
    settings.SIGN_UP = [mode]
    assert sign_up(anonymous) == [("SIGN_UP_CLOSED", "")]
    assert not SignUp.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("email", "problems"),
    [
        ("nina@example.org", []),
        ("NINA@EXAMPLE.NET", []),
        ("nina@example.com", [("EMAIL_DOMAIN_NOT_ALLOWED", "email")]),
        ("nina@sub.example.org", [("EMAIL_DOMAIN_NOT_ALLOWED", "email")]),
        ("nina@notexample.org", [("EMAIL_DOMAIN_NOT_ALLOWED", "email")]),
        ("example.org@example.com", [("EMAIL_DOMAIN_NOT_ALLOWED", "email")]),
    ],
)
def test_only_owners_of_addresses_at_these_domains_sign_up(
    anonymous: GraphQLClient, settings: Any, email: str, problems: list[tuple[str, str]]
) -> None:
    settings.SIGN_UP = ["example.org", "example.net"]
    assert sign_up(anonymous, email=email) == problems
    assert SignUp.objects.count() == (not problems)


@pytest.mark.parametrize("username", ["admin", "Postmaster", "ROOT", "house", "admın"])
def test_reserved_usernames_are_refused(
    anonymous: GraphQLClient, settings: Any, username: str
) -> None:
    settings.RESERVED_USERNAMES = ["house"]
    assert sign_up(anonymous, username) == [("USERNAME_RESERVED", "username")]
    assert not SignUp.objects.exists()


# Rate limits -----------------------------------------------------------------------------


def test_mails_per_address_are_limited_regardless_of_an_account(
    anonymous: GraphQLClient,
) -> None:
    make_user("erin", email="erin@example.org")
    refused = []
    for email in ("erin@example.org", "nina@example.org"):
        for _attempt in range(3):
            assert sign_up(anonymous, "nina", email=email.upper()) in ([], USERNAME_HELD)
        for _attempt in range(2):
            assert anonymous(RESEND, email=email).problems == []
        answer = anonymous(
            SIGN_UP, input={"email": email, "username": "oleg", "password": PASSWORD}
        )
        assert answer.codes == ["TOO_MANY_ATTEMPTS"]
        refused.append(answer)
        assert anonymous(RESEND, email=email).codes == ["TOO_MANY_ATTEMPTS"]
    known, unknown = refused
    assert 600 < known.body["errors"][0]["extensions"]["retryAfter"] <= 720
    assert known.headers == unknown.headers
    assert not SignUp.objects.filter(username="oleg").exists()


USERNAME_HELD = [("USERNAME_TAKEN", "username")]


def test_refused_sign_ups_count_on_the_network_alone(
    anonymous: GraphQLClient, alice: User, settings: Any
) -> None:
    """Neither on the address nor on the resets of the same office."""
    settings.MAILS_PER_NETWORK = 10
    for _attempt in range(9):
        assert sign_up(anonymous, password="short") == [("PASSWORD_TOO_WEAK", "password")]
    assert sign_up(anonymous, email=alice.email) == []
    answer = anonymous(SIGN_UP, input={"email": "x", "username": "x", "password": "x"})
    assert answer.codes == ["TOO_MANY_ATTEMPTS"]
    for email in (alice.email, "unknown@example.org"):
        assert anonymous(REQUEST_RESET, email=email).codes == []
    for number in range(8):
        assert anonymous(REQUEST_RESET, email=f"{number}@example.org").codes == []
    assert anonymous(REQUEST_RESET, email=alice.email).codes == ["TOO_MANY_ATTEMPTS"]


def test_sign_ups_with_an_address_do_not_stop_its_resets(
    anonymous: GraphQLClient, alice: User
) -> None:
    for _attempt in range(5):
        assert sign_up(anonymous, email=alice.email) == []
    answer = anonymous(
        SIGN_UP, input={"email": alice.email, "username": "nina", "password": PASSWORD}
    )
    assert answer.codes == ["TOO_MANY_ATTEMPTS"]
    assert anonymous(REQUEST_RESET, email=alice.email).codes == []


def test_token_guessing_is_throttled(anonymous: GraphQLClient) -> None:
    for _attempt in range(50):
        assert verify(anonymous, "x") == [("TOKEN_INVALID", "token")]
    answer = anonymous('mutation { verifyEmail(input: {token: "x"}) { username } }')
    assert answer.codes == ["TOO_MANY_ATTEMPTS"]


# Repeated mails --------------------------------------------------------------------------


def test_the_same_link_is_mailed_again(anonymous: GraphQLClient, mails: Sink) -> None:
    assert sign_up(anonymous) == []
    token = token_of("nina@example.org")
    assert anonymous(RESEND, email=" NINA@example.org ").problems == []
    event = Event.objects.get(tag=Tag.SIGN_UP_VERIFICATION_REQUESTED)
    mail_sign_up(str(event.pk))
    assert token in text_of(mails.next(), "plain")
    assert verify(anonymous, token) == []
    assert User.objects.get().email_verified_at is not None


def test_pending_sign_up_is_not_revealed(anonymous: GraphQLClient, mails: Sink) -> None:
    make_user("erin", email="erin@example.org")
    assert sign_up(anonymous) == []
    answers = [
        anonymous(RESEND, email=email)
        for email in ("nina@example.org", "erin@example.org", "oleg@example.org")
    ]
    assert all(
        (answer.body, answer.headers) == (answers[0].body, answers[0].headers) for answer in answers
    )
    assert answers[0].data == {"resendVerification": {"errors": []}}
    events = Event.objects.filter(tag=Tag.SIGN_UP_VERIFICATION_REQUESTED).order_by("pk")
    assert [bool(event.subject_id) for event in events] == [True, False, False]
    for event in events[1:]:
        mail_sign_up(str(event.pk))
    assert mails.is_empty()


def test_invalid_address_gets_no_link(anonymous: GraphQLClient) -> None:
    assert anonymous(RESEND, email="nina").problems == [("EMAIL_INVALID", "email")]
    assert not OutboxMessage.objects.exists()


def test_event_has_personal_data_in_erasable_part_only(anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous) == []
    event = Event.objects.get()
    details = EventDetails.objects.get()
    assert (event.data, details.values) == ({}, {"ip": "127.0.0.1"})
    assert details.digest() == bytes(event.details_digest or b"")
    details.values["ip"] = "127.0.0.2"
    assert details.digest() != bytes(event.details_digest or b"")
