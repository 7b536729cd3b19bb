"""The server-rendered password reset pages, for deployments without a frontend."""

from typing import Any

import pytest
from django.test import Client

from tests.accounts.test_sign_up_mail import HTML
from tests.authentication.test_password_reset import expire
from tests.authentication.test_passwords import NEW, events, give_reset, log_in, state
from tests.support.factories import make_user
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag

PAGE = "/reset-password"


@pytest.fixture
def page() -> Client:
    """Return a browser with CSRF protection enforced."""
    return Client(enforce_csrf_checks=True)


def post(page: Client, token: str, new_password: str = NEW) -> Any:
    page.get(PAGE)
    csrf_token = page.cookies["csrftoken"].value
    fields = {"token": token, "new_password": new_password, "csrfmiddlewaretoken": csrf_token}
    return page.post(PAGE, fields)


def test_page_spends_no_token_before_the_click(page: Client, alice: User) -> None:
    token = give_reset(alice).token
    before = state(alice)
    response = page.get(PAGE, {"token": token})
    html = response.content.decode()
    assert (response.status_code, response["Content-Type"]) == (200, HTML)
    assert '<input type="hidden" name="token" id="id_token">' in html
    assert '<label for="id_new_password">New password</label>' in html
    assert 'autocomplete="new-password"' in html
    # The box stands before its text.
    assert '<label class="choice"><input type="checkbox" name="revoke" id="id_revoke">' in html
    assert token not in html
    assert state(alice) == before


def test_new_password_is_saved_once(page: Client, alice: User) -> None:
    token = give_reset(alice).token
    response = post(page, token)
    assert response.status_code == 200
    assert "Sign in as alice with your new password." in response.content.decode()
    assert log_in(alice, NEW) == []

    before = state(alice)
    response = post(page, token, "a third phrase no one would guess")
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert state(alice) == before


def test_weak_password_shows_the_form_again(page: Client, alice: User) -> None:
    token = give_reset(alice).token
    before = state(alice)
    response = post(page, token, "  short  ")
    html = response.content.decode()
    assert response.status_code == 400
    assert "must contain at least 12 characters" in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_new_password_error"' in html
    assert f'value="{token}"' in html
    assert "short  " not in html
    # The page contains the token now.
    assert "no-store" in response["Cache-Control"]
    assert state(alice) == before
    assert events() == []
    assert post(page, token, "  spaces count  ").status_code == 200
    assert log_in(alice, "  spaces count  ") == []


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "Open this page with the link in our mail."),
        ("x" * 201, "Open this page with the link in our mail."),
        ("x:y", "This link is invalid or was already used."),
        ("\N{SNOWMAN}", "This link is invalid or was already used."),
    ],
)
def test_page_explains_a_missing_token(db: None, page: Client, token: str, message: str) -> None:
    response = post(page, token)
    assert response.status_code == 400
    assert message in response.content.decode()


def test_page_explains_an_expired_link(page: Client, alice: User) -> None:
    token = give_reset(alice).token
    expire()
    before = state(alice)
    response = post(page, token)
    assert response.status_code == 400
    assert "This link has expired." in response.content.decode()
    assert state(alice) == before


def test_page_counts_attempts(db: None, page: Client) -> None:
    for _attempt in range(50):
        assert post(page, "guess").status_code == 400
    alice = make_user("alice")
    token = give_reset(alice).token
    before = state(alice)
    response = post(page, token)
    assert response.status_code == 429
    assert "Too many attempts." in response.content.decode()
    assert state(alice) == before


def test_cross_site_post_is_refused(page: Client, alice: User) -> None:
    before = state(alice)
    response = page.post(PAGE, {"token": give_reset(alice).token, "new_password": NEW})
    assert response.status_code == 403
    assert state(alice)[0] == before[0]


def test_link_is_requested_without_a_frontend(page: Client, alice: User) -> None:
    answers = []
    for email in (alice.email, "unknown@example.org"):
        page.get("/forgot-password")
        csrf_token = page.cookies["csrftoken"].value
        fields = {"email": email, "csrfmiddlewaretoken": csrf_token}
        answers.append(page.post("/forgot-password", fields))
    known, unknown = answers
    assert known.status_code == unknown.status_code == 200
    assert known.content == unknown.content
    assert "we have sent a mail with a link" in known.content.decode()
    events = Event.objects.filter(tag=Tag.PASSWORD_RESET_REQUESTED).order_by("pk")
    assert [event.subject_id for event in events] == [alice.pk, None]


def test_invalid_address_shows_the_form_again(page: Client, db: None) -> None:
    page.get("/forgot-password")
    csrf_token = page.cookies["csrftoken"].value
    response: Any = page.post("/forgot-password", {"email": "x", "csrfmiddlewaretoken": csrf_token})
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
