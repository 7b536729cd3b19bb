"""Signing in to the admin with a passkey, and the input that outlives a reauthentication."""

import json

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tests.admin.support import (
    LOGIN,
    PASSWORD,
    REFUSAL,
    change_url,
    is_asked_again,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
    user_form,
)
from tests.admin.test_second_factors import first_step, set_up_totp
from tests.support.passkeys import Authenticator, with_passkey
from tests.support.second_factors import age_authentication, fresh_code, strong_client
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session

pytestmark = pytest.mark.django_db

COOKIE = django_settings.SESSION_COOKIE
OPTIONS = f"{LOGIN}passkey/"


def device_of(user: User) -> Authenticator:
    """Register a passkey for the user; return its device."""
    device = with_passkey(strong_client(user))
    Session.objects.all().delete()
    return device


def answer(client: Client, device: Authenticator, **step: str) -> dict[str, str]:
    """Return the form data that a browser would submit with a passkey."""
    options = client.post(OPTIONS, step).json()
    return step | {"credential": json.dumps(device.get(options))}


def test_staff_sign_in_with_a_passkey_alone(client: Client) -> None:
    device = device_of(make_staff())
    page = client.get(LOGIN).content.decode()
    assert OPTIONS in page
    assert "/forgot-password" in page
    response = client.post(f"{LOGIN}?next=/admin/auth/group/", answer(client, device))
    assert response["Location"] == "/admin/auth/group/"
    assert client.get("/admin/").status_code == 200
    assert "mfa" in Session.objects.get().methods


def test_passkeys_of_others_do_not_open_the_admin(client: Client) -> None:
    device = device_of(make_person("mary"))
    response = client.post(LOGIN, answer(client, device))
    assert REFUSAL in response.content.decode()
    assert COOKIE not in response.cookies
    assert not Session.objects.exists()


@pytest.mark.parametrize("credential", ["", "[", "[]", "{}", "null"])
def test_unreadable_passkeys_are_refused(client: Client, credential: str) -> None:
    make_staff()
    response = client.post(LOGIN, {"credential": credential})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert COOKIE not in response.cookies


def test_passkey_is_a_second_factor(client: Client) -> None:
    device = device_of(make_administrator())
    token = first_step(client)
    refused = client.post(LOGIN, {"mfa_token": token, "credential": "{}"})
    assert refused.status_code == 200
    response = client.post(LOGIN, answer(client, device, mfa_token=token))
    assert response["Location"] == "/admin/"


def test_options_for_an_unknown_sign_in_are_refused(client: Client) -> None:
    response = client.post(OPTIONS, {"mfa_token": "unknown"})
    assert response.status_code == 400
    assert response.json()["problem"]
    assert client.get(OPTIONS).status_code == 405


def test_input_outlives_a_reauthentication(client: Client) -> None:
    mary, rosa = make_person("mary"), make_administrator()
    set_up_totp(rosa)
    token = first_step(client)
    client.post(LOGIN, {"mfa_token": token, "code": fresh_code(rosa)})
    age_authentication()
    form = user_form(mary, is_staff=True, name="Mary <Somerville>")
    again = client.post(change_url(mary), form)
    assert is_asked_again(again)
    url, kept = again.context["app_path"], again.context["form"].initial["kept"]

    # Through both steps, and by the second attempt.
    step = client.post(url, {"username": "rosa", "password": PASSWORD, "kept": kept})
    data = {"mfa_token": step.context["form"].initial["mfa_token"], "kept": kept}
    wrong = client.post(url, data | {"code": "000000"})
    assert kept in wrong.content.decode()
    done = client.post(url, data | {"code": fresh_code(rosa)})
    assert done.status_code == 200
    assert "Mary &lt;Somerville&gt;" in done.content.decode()
    assert done.context["kept"].url == change_url(mary)
    assert client.post(change_url(mary), dict(done.context["kept"].pairs)).status_code == 302
    mary.refresh_from_db()
    assert (mary.is_staff, mary.name) == (True, "Mary <Somerville>")


def test_passwords_are_not_kept_and_input_is_the_users_own(client: Client) -> None:
    sign_in(client, make_administrator())
    make_administrator("ruth")
    age_authentication()
    new = {"email": "new@example.org", "username": "new", "password": "a phrase to remember"}
    again = client.post("/admin/accounts/user/add/", new)
    url, kept = again.context["app_path"], again.context["form"].initial["kept"]
    for user, text in (("ruth", kept), ("rosa", "forged")):
        response = client.post(url, {"username": user, "password": PASSWORD, "kept": text})
        assert response.status_code == 302
    response = client.post(url, {"username": "rosa", "password": PASSWORD, "kept": kept})
    assert dict(response.context["kept"].pairs) == {"email": "new@example.org", "username": "new"}


def test_long_input_is_not_kept(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    age_authentication()
    form = user_form(mary, is_staff=True, unknown="x" * 70_000)
    again = client.post(change_url(mary), form)
    assert again.context["form"].initial["kept"] == ""
    response = client.post(again.context["app_path"], {"username": "rosa", "password": PASSWORD})
    assert response["Location"] == change_url(mary)
    assert not Event.objects.filter(tag=Tag.USER_CHANGED).exists()
