"""What administrators do on people's pages: act in their name, and reset their factors."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.support import (
    LOGIN,
    change_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
    tags,
)
from tests.client import GraphQLClient
from tests.factories import make_factors
from tests.second_factors import let_proofs_age
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session, Totp

pytestmark = pytest.mark.django_db

CONFIRMED = {"_form_submitted": "True"}
GIVEN = CONFIRMED | {"reason": "Ticket 7", "minutes": 10}


def url(action: str, user: User) -> str:
    return reverse(f"admin:accounts_user_{action}", args=[user.pk])


def page(client: Client, user: User) -> str:
    response = client.get(change_url(user))
    assert response.status_code == 200
    return response.content.decode()


# Acting in somebody's name ---------------------------------------------------------------


def test_tokens_are_shown_once_and_the_administrator_stays_who_they_are(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    sign_in(client, rosa)
    assert url("impersonate", mary) in page(client, mary)
    assert "Impersonate this person" in client.get(url("impersonate", mary)).content.decode()
    assert not Session.objects.impersonations().exists()

    response = client.post(url("impersonate", mary), GIVEN, headers={"HX-Request": "true"})

    assert (response["HX-Retarget"], response["HX-Reselect"]) == ("#dialog", "#dialog")
    assert "no-store" in response["Cache-Control"]
    session = Session.objects.impersonations().get()
    assert (session.user, session.impersonator) == (mary, rosa)
    assert session.impersonation_reason == "Ticket 7"
    token = response.context["access_token"]
    assert token in response.content.decode()
    assert GraphQLClient(token)("{ me { username } }").data == {"me": {"username": "mary"}}
    # No admin for the person, and the administrator's own session goes on.
    bearer = {"Authorization": f"Bearer {token}"}
    assert Client().get("/admin/", headers=bearer).status_code == 302
    assert client.get("/admin/").status_code == 200
    event = Event.objects.latest("pk")
    assert (event.tag, event.actor_id) == (Tag.IMPERSONATION_BEGUN, rosa.pk)


@pytest.mark.parametrize("bad", [{"reason": " "}, {"minutes": 0}, {"minutes": 61}])
def test_what_the_service_refuses_is_shown_in_the_dialog(
    client: Client, bad: dict[str, Any]
) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    before = tags()
    response = client.post(url("impersonate", mary), GIVEN | bad)
    assert response.status_code == 200
    assert set(response.context["form"].errors) == set(bad)
    assert not Session.objects.impersonations().exists()
    assert tags() == before


def test_nobody_is_offered_or_allowed_what_may_not_be(client: Client, settings: Any) -> None:
    rosa, stan, mary = make_administrator(), make_staff(), make_person("mary")
    sign_in(client, stan)
    assert url("impersonate", mary) not in page(client, mary)
    assert client.post(url("impersonate", mary), GIVEN).status_code == 403
    sign_in(client, rosa)
    for user in (rosa, stan):
        assert url("impersonate", user) not in page(client, user)
        assert client.post(url("impersonate", user), GIVEN).status_code == 403
    settings.IMPERSONATION_MAX = dt.timedelta(0)
    assert url("impersonate", mary) not in page(client, mary)
    assert client.post(url("impersonate", mary), GIVEN).status_code == 403
    assert not Session.objects.impersonations().exists()


def test_acting_asks_to_sign_in_again(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    let_proofs_age()
    response = client.post(url("impersonate", mary), GIVEN)
    assert response["Location"].startswith(f"{LOGIN}?again=1")
    assert not Session.objects.impersonations().exists()


# Resetting factors -----------------------------------------------------------------------


def test_factors_are_reset_once_it_is_confirmed(client: Client) -> None:
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
    # There is nothing left to reset.
    assert url("reset_factors", mary) not in page(client, mary)
    assert client.post(url("reset_factors", mary), CONFIRMED).status_code == 403


def test_reset_is_for_administrators_of_late(client: Client) -> None:
    mary = make_person("mary")
    make_factors(mary)
    sign_in(client, make_staff())
    assert url("reset_factors", mary) not in page(client, mary)
    assert client.post(url("reset_factors", mary), CONFIRMED).status_code == 403
    sign_in(client, make_administrator())
    let_proofs_age()
    response = client.post(url("reset_factors", mary), CONFIRMED, headers={"HX-Request": "true"})
    assert response["HX-Redirect"].startswith(f"{LOGIN}?again=1")
    assert Totp.objects.exists()
    assert "/admin/accounts/user/nobody/reset-factors/" not in page(client, mary)
    assert client.post("/admin/accounts/user/nobody/reset-factors/", CONFIRMED).status_code == 403
