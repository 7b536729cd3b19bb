"""From sign-up to the verified address: mail, page and confidentiality."""

import datetime as dt
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from email.message import EmailMessage
from typing import Any

import pytest
from django.core import serializers
from django.test import Client
from django.utils import timezone

from core.outbox.models import OutboxMessage
from tests.accounts.test_sign_up import (
    PASSWORD,
    SIGN_UP,
    expire,
    sign_up,
    token_of,
    verify,
)
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_user
from tests.support.logs import written_lines
from tests.support.sink import Sink
from users.accounts.models import SignUp, User
from users.accounts.tasks import mail_sign_up
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Suspension
from users.privacy.models import AccountDeletion

Capture = Callable[[], AbstractContextManager[Statements]]
HTML = "text/html; charset=utf-8"


def deliver_mail() -> None:
    """Run the task for the newest sign-up."""
    mail_sign_up(Event.objects.filter(tag=Tag.SIGN_UP_REQUESTED).latest("pk").pk)


def text_of(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


# The mail --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "subject", "greeting", "action"),
    [
        ("en", "Confirm your e-mail address", "Hello,", "Confirm my address"),
        ("de", "Bestätigen Sie Ihre E-Mail-Adresse", "Guten Tag,", "Meine Adresse bestätigen"),
    ],
)
def test_mail_is_in_the_language_of_the_sign_up(
    anonymous: GraphQLClient, mails: Sink, locale: str, subject: str, greeting: str, action: str
) -> None:
    assert sign_up(anonymous, locale=locale) == []
    deliver_mail()
    mail = mails.next()
    assert (mail["To"], mail["Subject"]) == ("nina@example.org", subject)
    assert mail["Auto-Submitted"] == "auto-generated"
    link = f"http://testserver/verify-email#token={token_of('nina@example.org')}"
    for subtype in ("plain", "html"):
        text = text_of(mail, subtype)
        assert greeting in text
        assert link in text
        assert "nina" not in text.replace(link, "")
    assert action in text_of(mail, "html")
    assert mails.is_empty()


@pytest.mark.parametrize(
    ("locale", "subject"),
    [("en", "You already have an account"), ("de", "Sie haben bereits ein Konto")],
)
def test_owner_of_a_known_address_is_notified_in_their_language(
    anonymous: GraphQLClient, mails: Sink, locale: str, subject: str
) -> None:
    erin = make_user("erin", email="nina@example.org", name="Erin Ebert", locale=locale)
    User.objects.filter(pk=erin.pk).update(email_verified_at=timezone.now())
    assert sign_up(anonymous, locale="de" if locale == "en" else "en") == []
    deliver_mail()
    mail = mails.next()
    assert (mail["To"], mail["Subject"]) == ("nina@example.org", subject)
    for subtype in ("plain", "html"):
        assert "Erin Ebert" in text_of(mail, subtype)
        assert "token" not in text_of(mail, subtype)
    assert mails.is_empty()


@pytest.mark.parametrize(
    ("state", "subject", "text"),
    [
        ("suspended", "Your account is suspended", "Contact an administrator"),
        ("suspended until", "Your account is suspended", "sign in again after"),
        ("deleted", "Your account is scheduled for deletion", "/cancel-deletion#token="),
        ("deleted and suspended", "Your account is suspended", "Contact an administrator"),
        ("deactivated", "Your account is deactivated", "Contact an administrator"),
    ],
)
def test_owner_of_an_inactive_account_is_notified_of_its_state(
    anonymous: GraphQLClient, mails: Sink, state: str, subject: str, text: str
) -> None:
    erin = make_user("erin", email="nina@example.org", is_active=False)
    soon = timezone.now() + dt.timedelta(days=3)
    if "suspended" in state:
        until = soon if "until" in state else None
        Suspension.objects.create(user=erin, reason="spam", until=until)
    if "deleted" in state:
        AccountDeletion.objects.create(user=erin, expires_at=soon)
    assert sign_up(anonymous) == []
    deliver_mail()
    mail = mails.next()
    body = text_of(mail, "plain")
    assert (mail["To"], mail["Subject"], text in body) == ("nina@example.org", subject, True)
    assert ("cancel-deletion" in body) == (state == "deleted")
    assert "already have an account" not in body
    assert mails.is_empty()


def test_each_sign_up_gets_its_own_link_until_one_is_completed(
    anonymous: GraphQLClient, mails: Sink
) -> None:
    assert sign_up(anonymous) == []
    assert sign_up(anonymous, "ninette") == []
    events = Event.objects.order_by("pk")
    tokens = [each.token for each in SignUp.objects.order_by("pk")]
    for event, token in zip(events, tokens, strict=True):
        mail_sign_up(event.pk)
        assert token in text_of(mails.next(), "plain")
    assert verify(anonymous, tokens[0]) == []
    for event in events:
        mail_sign_up(event.pk)
    assert mails.is_empty()


# Confidentiality -------------------------------------------------------------------------


def test_known_address_gets_the_same_answer_and_work(
    anonymous: GraphQLClient, statements: Capture
) -> None:
    make_user("erin")
    answers, work = [], []
    for email, username in (("erin@example.org", "nina"), ("oleg@example.org", "oleg")):
        fields = {"email": email, "username": username, "password": PASSWORD}
        with statements() as captured:
            answers.append(anonymous(SIGN_UP, input=fields))
        work.append([re.split(" VALUES | WHERE ", sql)[0].partition('"s')[0] for sql in captured])
    known, unknown = answers
    assert known.body == unknown.body == {"data": {"signUp": {"errors": []}}}
    assert known.headers == unknown.headers
    assert work[0] == work[1]
    assert len([sql for sql in work[0] if sql.startswith("INSERT")]) == 4
    assert User.objects.count() == 1


def test_passwords_and_tokens_are_not_stored_in_clear(
    anonymous: GraphQLClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert sign_up(anonymous) == []
    pending = SignUp.objects.get()
    token = token_of("nina@example.org")
    kept = serializers.serialize("json", [*Event.objects.all(), *OutboxMessage.objects.all()])
    assert verify(anonymous, token) == []
    kept += serializers.serialize("json", [*Event.objects.all(), *OutboxMessage.objects.all()])
    assert pending.password.startswith("argon2$argon2id$")
    for secret in (PASSWORD, pending.password, pending.password.rsplit("$", 1)[1], token):
        assert secret not in kept
        assert secret not in written_lines(caplog)
    assert "nina@example.org" not in kept
    assert PASSWORD not in serializers.serialize("json", [pending])
    # The event, and the message for its mail.
    assert len(json.loads(kept.split("][")[0] + "]")) == 2


# The page --------------------------------------------------------------------------------


@pytest.fixture
def page() -> Client:
    """Return a client that enforces CSRF protection."""
    return Client(enforce_csrf_checks=True)


def post(page: Client, token: str, **fields: str) -> Any:
    page.get("/verify-email")
    data = {"token": token, "csrfmiddlewaretoken": page.cookies["csrftoken"].value}
    return page.post("/verify-email", data | fields)


def test_page_spends_no_token_before_the_click(anonymous: GraphQLClient, page: Client) -> None:
    assert sign_up(anonymous) == []
    token = token_of("nina@example.org")
    response = page.get("/verify-email", {"token": token})
    html = response.content.decode()
    assert (response.status_code, response["Content-Type"]) == (200, HTML)
    assert '<script src="/static/accounts/link.js" defer></script>' in html
    assert '<form method="post" id="link" hidden>' in html
    assert '<input type="hidden" name="token" id="id_token">' in html
    assert token not in html
    assert not User.objects.exists()


def test_click_verifies_once(anonymous: GraphQLClient, page: Client) -> None:
    assert sign_up(anonymous) == []
    token = token_of("nina@example.org")
    for wrong in ("", "not the password"):
        response = post(page, token, password=wrong)
        assert response.status_code == 400
        assert "choose a username and a new password" in response.content.decode()
        assert not User.objects.exists()
    response = post(page, token, password=PASSWORD)
    assert response.status_code == 200
    assert "nina" in response.content.decode()
    assert User.objects.get().username == "nina"

    response = post(page, token, password=PASSWORD)
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert User.objects.count() == 1


def test_page_lets_the_mailbox_owner_claim_the_account(
    anonymous: GraphQLClient, page: Client
) -> None:
    assert sign_up(anonymous) == []
    token = token_of("nina@example.org")
    html = page.get("/verify-email").content.decode()
    assert '<button class="quiet" name="claim" value="1" formnovalidate>' in html

    response = post(page, token, password="", claim="1")
    html = response.content.decode()
    assert (response.status_code, 'role="alert"' in html) == (200, False)
    for part in (f'value="{token}"', 'name="username"', 'autocomplete="new-password"'):
        assert part in html
    own = {"claim": "1", "username": "ninette"}
    response = post(page, token, **own, new_password="short")
    assert (response.status_code, 'role="alert"' in response.content.decode()) == (400, True)
    response = post(page, token, **own, new_password="the owner alone knows this")
    assert (response.status_code, "ninette" in response.content.decode()) == (200, True)
    user = User.objects.get()
    assert user.username == "ninette"
    assert user.check_password("the owner alone knows this")


def test_page_asks_for_another_username_if_that_is_taken(
    anonymous: GraphQLClient, page: Client
) -> None:
    assert sign_up(anonymous) == []
    make_user("nina", email="other@example.org")
    token = token_of("nina@example.org")
    response = post(page, token, password=PASSWORD)
    html = response.content.decode()
    assert (response.status_code, 'name="username"' in html) == (400, True)
    assert "This username is taken." in html
    response = post(page, token, password=PASSWORD, username="ninette")
    assert response.status_code == 200, response.content.decode()
    assert User.objects.get(email="nina@example.org").username == "ninette"


@pytest.mark.parametrize(
    ("language", "message"),
    [("en", "This link has expired."), ("de", "Dieser Link ist abgelaufen.")],
)
def test_page_translates_its_errors(
    anonymous: GraphQLClient, page: Client, language: str, message: str
) -> None:
    assert sign_up(anonymous) == []
    expire("nina@example.org")
    page.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    response = post(page, token_of("nina@example.org"))
    assert response.status_code == 400
    assert message in response.content.decode()
    assert f'<html lang="{language}">' in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("token", ["x", "x:y", "\N{SNOWMAN}"])
def test_page_refuses_an_invalid_token(db: None, page: Client, token: str) -> None:
    response = post(page, token)
    assert response.status_code == 400
    assert "This link is invalid" in response.content.decode()


@pytest.mark.parametrize("token", ["", "\0", "x" * 201])
def test_page_asks_for_the_link_if_it_was_opened_without(
    db: None, page: Client, token: str
) -> None:
    response = post(page, token)
    assert response.status_code == 400
    assert "Open this page with the link in our mail." in response.content.decode()


def test_cross_site_post_is_refused(anonymous: GraphQLClient, page: Client) -> None:
    assert sign_up(anonymous) == []
    response = page.post("/verify-email", {"token": token_of("nina@example.org")})
    assert response.status_code == 403
    assert not User.objects.exists()
