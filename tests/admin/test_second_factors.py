"""Second factors in the admin: sign-in, step-up and required enrollment."""

import datetime as dt
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from core.security.actor import Actor
from tests.admin.support import (
    LOGIN,
    PASSWORD,
    change_url,
    is_asked_again,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
    user_form,
)
from tests.support.second_factors import (
    age_authentication,
    code_of,
    fresh_code,
    secret_of,
    wrong_code,
)
from tests.support.signing_in import tags
from users.accounts.models import User
from users.authentication.models import PendingLogIn, Session, Suspension, Totp
from users.authentication.services.totp import begin_totp_enrollment, confirm_totp_enrollment
from users.authentication.sessions.credentials import session_actor

pytestmark = pytest.mark.django_db

COOKIE = django_settings.SESSION_COOKIE
PAGE = "/admin/second-factor/"


def set_up_totp(user: User) -> list[str]:
    """Set up an authenticator app for the user; return the recovery codes."""
    session = Session.objects.create(user=user, expires_at=timezone.now() + dt.timedelta(days=1))
    actor = session_actor(session, Actor())
    secret = begin_totp_enrollment(actor=actor).secret
    enrolled = confirm_totp_enrollment(code_of(secret), actor=actor)
    Session.objects.all().delete()
    user.refresh_from_db()
    return enrolled.recovery_codes


def first_step(client: Client, username: str = "rosa", query: str = "") -> str:
    """Sign in with the password; return the token of the pending sign-in."""
    response = client.post(f"{LOGIN}{query}", {"username": username, "password": PASSWORD})
    assert response.status_code == 200
    assert COOKIE not in response.cookies
    token: str = response.context["form"].initial["mfa_token"]
    assert token in response.content.decode()
    return token


def test_password_alone_does_not_sign_in_users_with_a_factor(client: Client) -> None:
    rosa = make_administrator()
    set_up_totp(rosa)
    token = first_step(client, query="?next=/admin/auth/group/")
    assert client.get("/admin/").status_code == 302
    assert not Session.objects.exists()
    wrong = {"mfa_token": token, "code": wrong_code(secret_of(rosa))}
    response = client.post(LOGIN, wrong)
    assert response.context["form"].errors
    assert not Session.objects.exists()

    code = {"mfa_token": token, "code": fresh_code(rosa)}
    response = client.post(f"{LOGIN}?next=/admin/auth/group/", code)
    assert (response.status_code, response["Location"]) == (302, "/admin/auth/group/")
    assert client.get("/admin/").status_code == 200
    assert Session.objects.get().aal == 2
    # The token is single-use.
    assert Client().post(LOGIN, code)["Location"] == LOGIN
    assert Session.objects.count() == 1


def test_recovery_code_completes_sign_in(client: Client) -> None:
    codes = set_up_totp(make_administrator())
    token = first_step(client)
    response = client.post(LOGIN, {"mfa_token": token, "code": codes[0]})
    assert response["Location"] == "/admin/"
    assert "factor:recovery_code:use" in tags()


def test_guessing_is_throttled(client: Client) -> None:
    rosa = make_administrator()
    set_up_totp(rosa)
    token = first_step(client)
    for _attempt in range(5):
        client.post(LOGIN, {"mfa_token": token, "code": wrong_code(secret_of(rosa))})
    response = client.post(LOGIN, {"mfa_token": token, "code": fresh_code(rosa)})
    (problem,) = response.context["form"].non_field_errors()
    assert "Too many attempts" in problem
    assert not Session.objects.exists()


def test_second_step_is_for_staff(client: Client) -> None:
    mary = make_person("mary")
    set_up_totp(mary)
    token = first_step(client, "mary")
    response = client.post(LOGIN, {"mfa_token": token, "code": fresh_code(mary)})
    assert response["Location"] == LOGIN
    assert COOKIE not in response.cookies
    assert not Session.objects.exists()
    assert not PendingLogIn.objects.exists()


# Step-up ---------------------------------------------------------------------------------


def test_sensitive_change_requires_step_up(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    sign_in(client, rosa)
    age_authentication()
    form = user_form(mary, is_staff=True)
    response = client.post(change_url(mary), form)
    assert is_asked_again(response)
    assert "Confirm that it is you" in response.content.decode()
    assert not User.objects.get(pk=mary.pk).is_staff
    # Without the input, the page is shown again.
    url = response.context["app_path"]
    back = client.post(url, {"username": "rosa", "password": PASSWORD})
    assert back["Location"] == change_url(mary)
    assert client.post(change_url(mary), form).status_code == 302
    assert User.objects.get(pk=mary.pk).is_staff


def test_step_up_replaces_the_dialog(client: Client) -> None:
    mary = make_person("mary")
    Suspension.objects.create(user=mary, reason="Spam")
    User.objects.filter(pk=mary.pk).update(is_active=False)
    sign_in(client, make_administrator())
    age_authentication()
    url = f"/admin/authentication/suspension/{mary.pk}/lift/"
    response = client.post(url, {"_form_submitted": "True"}, headers={"HX-Request": "true"})
    assert is_asked_again(response)
    assert response["HX-Retarget"] == "#dialog"
    assert Suspension.objects.exists()


# Required enrollment ---------------------------------------------------------------------


def test_staff_without_required_factor_enroll_and_continue(client: Client, settings: Any) -> None:
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_GRACE = "staff", dt.timedelta(0)
    stan = make_staff()
    response = client.post(LOGIN, {"username": "stan", "password": PASSWORD})
    assert response["Location"] == PAGE
    for path in ("/admin/", change_url(stan)):
        assert client.get(path)["Location"].startswith(LOGIN)
    assert client.get(LOGIN)["Location"] == PAGE
    assert "needs a second factor" in client.get(PAGE).content.decode()

    shown = client.post(PAGE).content.decode()
    secret = secret_of(stan)
    assert secret in shown
    assert "<svg" in shown
    assert Totp.objects.get().confirmed_at is None
    assert client.post(PAGE, {"code": wrong_code(secret)}).context["form"].errors
    done = client.post(PAGE, {"code": code_of(secret)})
    assert len(done.context["recovery_codes"]) == 10
    assert client.get("/admin/").status_code == 200
    assert client.post(PAGE)["Location"] == "/admin/"


def test_enrollment_page_is_for_staff(client: Client, settings: Any) -> None:
    assert client.get(PAGE)["Location"] == LOGIN
    sign_in(client, make_person("mary"))
    assert client.post(PAGE)["Location"] == LOGIN
    assert not Totp.objects.exists()
