"""Pages of mailed links without a link, with a used one, and at the end."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from tests.accounts.test_sign_up import PASSWORD, sign_up, token_of
from tests.accounts.test_sign_up_mail import deliver_mail
from tests.support.client import GraphQLClient
from users.accounts.models import SignUp

pytestmark = pytest.mark.django_db

# The pages, and where they offer a new link.
PAGES = {
    "verify-email": "/resend-verification",
    "confirm-email": None,
    "confirm-email-address": None,
    "accept-invitation": None,
    "reset-password": "/forgot-password",
    "join-organization": None,
    "undo-email-change": "/forgot-password",
    "cancel-deletion": None,
    "data-export": None,
}
FIELDS = {"username": "zoe", "password": "a phrase to remember", "new_password": "a longer phrase"}


@pytest.mark.parametrize("page", PAGES)
def test_form_is_hidden_until_a_script_finds_the_token(client: Client, page: str) -> None:
    html = client.get(f"/{page}").content.decode()
    assert '<form method="post" id="link" hidden>' in html
    assert "Open this page with the link in our mail." in html


@pytest.mark.parametrize("page", PAGES)
def test_used_link_says_how_to_get_another(client: Client, page: str) -> None:
    response = client.post(f"/{page}", FIELDS | {"token": "used"})
    html = response.content.decode()
    assert response.status_code == 400
    assert "<form" not in html
    renewal = response.context["view"].renewal
    assert html.count(str(renewal.text)) == 1
    assert "Request a new one" not in html
    assert (PAGES[page] is None) == ('class="button"' not in html)
    if PAGES[page]:
        assert f'<a class="button" href="{PAGES[page]}">{renewal.label}</a>' in html


def test_sign_up_gets_a_new_link(client: Client, anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous) == []
    email = SignUp.objects.get().email
    for address in ("unknown@example.org", email):
        response = client.post("/resend-verification", {"email": address})
        assert "If a sign-up waits for this address" in response.content.decode()
    deliver_mail()
    (sent,) = mail.outbox
    assert sent.to == [email]


@pytest.mark.parametrize("url", ["", "https://app.example/welcome"])
def test_pages_lead_on_but_not_to_the_console(
    client: Client, anonymous: GraphQLClient, settings: Any, url: str
) -> None:
    settings.AFTER_LINK_URL = url
    assert sign_up(anonymous) == []
    token = token_of(SignUp.objects.get().email)
    response = client.post("/verify-email", {"token": token, "password": PASSWORD})
    html = response.content.decode()
    assert "Your account" in html
    assert f'<a class="button" href="{url or "/done"}">Continue</a>' in html
    assert 'href="/"' not in html
    assert "/graphql" not in html


@pytest.mark.parametrize("page", ["resend-verification", "forgot-password"])
def test_pages_that_send_a_mail_do_not_lead_on(client: Client, page: str) -> None:
    """The next step is in the mail."""
    html = client.post(f"/{page}", {"email": "zoe@example.org"}).content.decode()
    assert 'role="status"' in html
    assert "You can close this page." in html
    assert "Continue" not in html


def test_last_page_says_what_to_do(client: Client) -> None:
    html = client.get("/done").content.decode()
    assert "Return to the application" in html
    assert "<a" not in html
    assert client.post("/done").status_code == 405


@pytest.mark.parametrize(
    ("language", "heading"),
    [("en", "This page does not exist"), ("de", "Diese Seite gibt es nicht")],
)
def test_missing_page_is_in_our_design_and_language(
    client: Client, language: str, heading: str
) -> None:
    response = client.get("/no/such/page", headers={"Accept-Language": language})
    assert response.status_code == 404
    html = response.content.decode()
    assert f"<h1>{heading}</h1>" in html
    assert 'class="card narrow"' in html


def test_failure_is_in_our_design_and_quotes_the_request_id(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("users.authentication.views.request_password_reset", fail)
    client = Client(raise_request_exception=False)
    response = client.post("/forgot-password", {"email": "ada@example.org"})
    assert response.status_code == 500
    html = response.content.decode()
    assert "<h1>Something went wrong</h1>" in html
    assert response["X-Request-ID"] in html
