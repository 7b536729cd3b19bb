"""Sign-in, sign-out and access to the admin."""

import re

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import NoReverseMatch, reverse

from core.security.crypto import digest
from tests.admin.support import (
    LOGIN,
    PASSWORD,
    REFUSAL,
    change_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
    user_form,
)
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.tags import Tag
from users.authentication.models import Session

pytestmark = pytest.mark.django_db


def test_log_in_creates_a_session(client: Client) -> None:
    rosa = make_administrator()

    response = client.post(
        f"{LOGIN}?next=/admin/auth/group/", {"username": "ROSA@example.org", "password": PASSWORD}
    )

    assert (response.status_code, response["Location"]) == (302, "/admin/auth/group/")
    cookie = response.cookies[django_settings.SESSION_COOKIE]
    assert cookie["httponly"]
    assert Session.objects.get(user=rosa).cookie_digest == digest(cookie.value)
    assert "sessionid" not in response.cookies
    assert client.get("/admin/").status_code == 200
    assert client.get(LOGIN)["Location"] == "/admin/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_log_in_refuses_external_redirects(client: Client, target: str) -> None:
    make_administrator()

    response = client.post(LOGIN, {"username": "rosa", "password": PASSWORD, "next": target})

    assert response["Location"] == "/admin/"


@pytest.mark.parametrize(
    ("username", "password"),
    [("rosa", "wrong"), ("unknown", PASSWORD), ("mary", PASSWORD), ("gone", PASSWORD)],
    ids=["wrong password", "unknown", "not staff", "deactivated"],
)
def test_refusals_are_identical_and_create_no_session(
    client: Client, username: str, password: str
) -> None:
    make_administrator()
    make_person("mary")
    make_person("gone", is_staff=True, is_active=False)

    response = client.post(LOGIN, {"username": username, "password": password})

    assert response.status_code == 200
    assert response.context["form"].errors == {"__all__": [REFUSAL]}
    assert django_settings.SESSION_COOKIE not in response.cookies
    assert not Session.objects.exists()


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/", "/admin/autocomplete/"])
def test_members_are_sent_to_the_log_in(client: Client, path: str) -> None:
    sign_in(client, make_person("mary"))

    response = client.get(path)

    assert response["Location"] == f"{LOGIN}?next={path}"


def test_log_out_ends_the_session(client: Client) -> None:
    session = sign_in(client, make_staff())

    assert client.get("/admin/logout/").status_code == 405
    assert Session.objects.filter(pk=session.pk).exists()
    response = client.post("/admin/logout/")

    assert response["Location"] == LOGIN
    assert response.cookies[django_settings.SESSION_COOKIE]["max-age"] == 0
    assert not Session.objects.exists()
    assert tags()[-1] == Tag.LOGGED_OUT


@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/accounts/", "/admin/accounts/user/", "/admin/accounts/user/add/", "own"],
)
def test_every_page_offers_to_log_out(client: Client, path: str) -> None:
    rosa = make_administrator()
    sign_in(client, rosa)

    page = client.get(change_url(rosa) if path == "own" else path)

    assert page.status_code == 200
    html = page.content.decode()
    form = re.search(r'<form[^>]* method="post" action="/admin/logout/"[^\0]*?</form>', html)
    assert form
    assert re.search(r'<button[^>]* type="submit"[^>]*>\s*Log out\b', form[0])
    assert "csrfmiddlewaretoken" in form[0]


def test_forms_require_the_csrf_token_and_a_referrer_policy_that_allows_the_check() -> None:
    client = Client(enforce_csrf_checks=True)
    stan = make_staff()

    assert client.post(LOGIN, {"username": "stan", "password": PASSWORD}).status_code == 403
    sign_in(client, stan)
    assert client.post(change_url(stan), user_form(stan, name="Mallory")).status_code == 403
    assert client.post("/admin/logout/").status_code == 403
    assert User.objects.get().name == stan.name
    # Under "no-referrer" browsers send `Origin: null`, which the check refuses.
    assert client.get("/admin/")["Referrer-Policy"] == "same-origin"
    assert Client().get(LOGIN)["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("view", ["password_change", "password_change_done", "view_on_site"])
def test_views_that_bypass_the_services_are_removed(view: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{view}")


@pytest.mark.parametrize("path", ["/admin/accounts/user/add/", "/admin/activity/event/"])
def test_forbidden_page_names_the_required_role_to_staff(client: Client, path: str) -> None:
    sign_in(client, make_staff())

    response = client.get(path)

    assert response.status_code == 403
    html = response.content.decode()
    assert "Your role is staff" in html
    assert "Ask an administrator" in html
    assert 'href="/admin/"' in html
    assert not User.objects.exclude(username="stan").exists()


def test_forbidden_page_shows_administrators_that_no_role_allows_it(client: Client) -> None:
    sign_in(client, make_administrator())

    response = client.get("/admin/authentication/session/add/")

    assert response.status_code == 403
    assert "No role allows this here" in response.content.decode()


def test_forbidden_page_is_not_shown_to_members(client: Client) -> None:
    sign_in(client, make_person("mary"))

    response = client.get("/admin/accounts/user/add/")

    assert (response.status_code, response.content) == (302, b"")


def test_pages_load_the_stylesheet_of_the_admin(client: Client) -> None:
    assert 'href="/static/admin_pages/admin.css"' in client.get(LOGIN).content.decode()
