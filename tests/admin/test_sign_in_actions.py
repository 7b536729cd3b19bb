"""Sign-in actions on users' pages: impersonation and the reset of second factors."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.support import (
    change_url,
    is_asked_again,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
)
from tests.support.client import GraphQLClient
from tests.support.factories import make_factors
from tests.support.second_factors import age_authentication
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session, Totp

pytestmark = pytest.mark.django_db

CONFIRMED = {"_form_submitted": "True"}
IMPERSONATION = CONFIRMED | {"reason": "Ticket 7", "minutes": 10}


def url(action: str, user: User) -> str:
    return reverse(f"admin:accounts_user_{action}", args=[user.pk])


def page(client: Client, user: User) -> str:
    response = client.get(change_url(user))
    assert response.status_code == 200
    return response.content.decode()


# Impersonation ---------------------------------------------------------------------------


def test_impersonation_tokens_are_shown_once_and_keep_the_session(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    sign_in(client, rosa)
    assert url("impersonate", mary) in page(client, mary)
    assert "Impersonate this person" in client.get(url("impersonate", mary)).content.decode()
    assert not Session.objects.impersonations().exists()

    response = client.post(url("impersonate", mary), IMPERSONATION, headers={"HX-Request": "true"})

    assert (response["HX-Retarget"], response["HX-Reselect"]) == ("#dialog", "#dialog")
    assert "no-store" in response["Cache-Control"]
    session = Session.objects.impersonations().get()
    assert (session.user, session.impersonator) == (mary, rosa)
    assert session.impersonation_reason == "Ticket 7"
    token = response.context["access_token"]
    assert token in response.content.decode()
    assert GraphQLClient(token)("{ me { username } }").data == {"me": {"username": "mary"}}
    # The token gives no access to the admin, and the administrator stays signed in.
    bearer = {"Authorization": f"Bearer {token}"}
    assert Client().get("/admin/", headers=bearer).status_code == 302
    assert client.get("/admin/").status_code == 200
    event = Event.objects.latest("pk")
    assert (event.tag, event.actor_id) == (Tag.IMPERSONATION_BEGUN, rosa.pk)


@pytest.mark.parametrize("bad", [{"reason": " "}, {"minutes": 0}, {"minutes": 61}])
def test_service_refusals_are_shown_in_the_dialog(client: Client, bad: dict[str, Any]) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    before = tags()
    response = client.post(url("impersonate", mary), IMPERSONATION | bad)
    assert response.status_code == 200
    assert set(response.context["form"].errors) == set(bad)
    assert not Session.objects.impersonations().exists()
    assert tags() == before


def test_forbidden_actions_are_neither_offered_nor_allowed(client: Client, settings: Any) -> None:
    rosa, stan, mary = make_administrator(), make_staff(), make_person("mary")
    sign_in(client, stan)
    assert url("impersonate", mary) not in page(client, mary)
    assert client.post(url("impersonate", mary), IMPERSONATION).status_code == 403
    sign_in(client, rosa)
    for user in (rosa, stan):
        assert url("impersonate", user) not in page(client, user)
        assert client.post(url("impersonate", user), IMPERSONATION).status_code == 403
    settings.IMPERSONATION_MAX = dt.timedelta(0)
    assert url("impersonate", mary) not in page(client, mary)
    assert client.post(url("impersonate", mary), IMPERSONATION).status_code == 403
    assert not Session.objects.impersonations().exists()


def test_impersonation_requires_step_up(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    age_authentication()
    response = client.post(url("impersonate", mary), IMPERSONATION)
    assert is_asked_again(response)
    assert not Session.objects.impersonations().exists()


# Resetting factors -----------------------------------------------------------------------


def test_factors_are_reset_after_confirmation(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    make_factors(mary)
    sign_in(client, rosa)
    assert url("reset_factors", mary) in page(client, mary)
    assert "Remove all second factors?" in client.get(url("reset_factors", mary)).content.decode()
    client.get(url("reset_factors", mary), CONFIRMED)
    assert Totp.objects.exists()

    response = client.post(url("reset_factors", mary), CONFIRMED)

    assert response["Location"] == change_url(mary)
    assert not Totp.objects.exists()
    mary.refresh_from_db()
    assert mary.second_factors == []
    event = Event.objects.latest("pk")
    assert (event.tag, event.actor_id, event.subject_id) == (Tag.FACTORS_RESET, rosa.pk, mary.pk)
    # The action is gone with the factors.
    assert url("reset_factors", mary) not in page(client, mary)
    assert client.post(url("reset_factors", mary), CONFIRMED).status_code == 403


def test_reset_requires_recently_authenticated_administrator(client: Client) -> None:
    mary = make_person("mary")
    make_factors(mary)
    sign_in(client, make_staff())
    assert url("reset_factors", mary) not in page(client, mary)
    assert client.post(url("reset_factors", mary), CONFIRMED).status_code == 403
    sign_in(client, make_administrator())
    age_authentication()
    response = client.post(url("reset_factors", mary), CONFIRMED, headers={"HX-Request": "true"})
    assert is_asked_again(response)
    assert Totp.objects.exists()
    assert "/admin/accounts/user/unknown/reset-factors/" not in page(client, mary)
    assert client.post("/admin/accounts/user/unknown/reset-factors/", CONFIRMED).status_code == 403
