"""Suspensions: viewed by staff, created, changed and lifted by administrators."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.support import (
    change_url,
    errors,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
)
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension

pytestmark = pytest.mark.django_db

ADD = "/admin/authentication/suspension/add/"
REASON = "Sent spam."
UNTIL = dt.datetime(2100, 1, 31, 12, tzinfo=dt.UTC)


def form(**values: Any) -> dict[str, Any]:
    """Return the form data that a browser would submit."""
    return {"reason": REASON, "until_0": "2100-01-31", "until_1": "12:00:00"} | values


def make_suspension(user: User) -> Suspension:
    User.objects.filter(pk=user.pk).update(is_active=False)
    return Suspension.objects.create(user=user, reason=REASON)


def lift_url(suspension: Suspension) -> str:
    return reverse("admin:authentication_suspension_lift", args=[suspension.pk])


def test_user_is_suspended_through_the_service(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    sign_in(Client(), mary)
    sign_in(client, rosa)

    response = client.post(ADD, form(user=mary.pk, _continue="1"))

    suspension = Suspension.objects.get()
    assert response["Location"] == change_url(suspension)
    assert (suspension.user, suspension.reason, suspension.until) == (mary, REASON, UNTIL)
    mary.refresh_from_db()
    assert not mary.is_active
    assert not Session.objects.filter(user=mary).exists()
    event = Event.objects.latest("id")
    assert (event.tag, event.actor_id, event.subject_id) == (Tag.USER_SUSPENDED, rosa.pk, mary.pk)


def test_message_names_the_suspended_person(client: Client) -> None:
    sign_in(client, make_administrator())
    mary = make_person("mary")
    response = client.post(ADD, form(user=mary.pk), follow=True)
    (message,) = response.context["messages"]
    assert "mary" in str(message)
    assert str(mary.pk) not in str(message).replace(change_url(mary.suspension), "")


def test_form_says_what_a_suspension_does(client: Client) -> None:
    """The page of a new row has a heading, and no link to itself."""
    sign_in(client, make_administrator())
    html = client.get(ADD).content.decode()
    assert "<h2>Add suspension</h2>" in html
    assert "The person is signed out everywhere" in html
    assert "addlink" not in html
    assert "addlink" in client.get(list_url(Suspension)).content.decode()


def test_changing_a_suspension_keeps_its_user(client: Client) -> None:
    mary, omar = make_person("mary"), make_person("omar")
    suspension = make_suspension(mary)
    sign_in(client, make_administrator())

    response = client.post(change_url(suspension), form(user=omar.pk, reason="More spam."))

    assert response["Location"] == list_url(Suspension)
    suspension = Suspension.objects.get()
    assert (suspension.user, suspension.reason, suspension.until) == (mary, "More spam.", UNTIL)
    assert User.objects.get(username="omar").is_active
    assert tags()[-1] == Tag.USER_SUSPENDED
    before = tags()
    assert client.post(change_url(suspension), form(reason="More spam.")).status_code == 302
    assert tags() == before


def test_service_refusals_are_shown_in_the_form(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    sign_in(client, rosa)
    before = tags()

    def render_refusal(**values: Any) -> dict[str, list[str]]:
        response = client.post(ADD, form(**values))
        assert response.status_code == 200
        return errors(response)

    assert render_refusal(user=mary.pk, until_0="2020-01-31").keys() == {"until"}
    assert render_refusal(user=mary.pk, reason=" ").keys() == {"reason"}
    assert render_refusal(user="").keys() == {"user"}
    assert render_refusal(user=rosa.pk) == {
        "__all__": ["This is the last administrator. Make another user an administrator first."]
    }
    assert not Suspension.objects.exists()
    assert not User.objects.filter(is_active=False).exists()
    assert tags() == before


def test_lifting_requires_confirmation_by_post(client: Client) -> None:
    mary = make_person("mary")
    suspension = make_suspension(mary)
    sign_in(client, make_administrator())

    page = client.get(change_url(suspension)).content.decode()
    assert lift_url(suspension) in page
    dialog = client.get(lift_url(suspension))
    assert "Lift the suspension?" in dialog.content.decode()
    assert client.get(lift_url(suspension), {"_form_submitted": "True"}).status_code == 200
    assert Suspension.objects.exists()

    response = client.post(lift_url(suspension), {"_form_submitted": "True"})

    assert response["Location"] == list_url(Suspension)
    assert not Suspension.objects.exists()
    mary.refresh_from_db()
    assert mary.is_active
    assert tags()[-1] == Tag.USER_REACTIVATED
    assert "mary can sign in again." in client.get(list_url(Suspension)).content.decode()


def test_dialog_redirects_the_page_to_the_list(client: Client) -> None:
    suspension = make_suspension(make_person("mary"))
    sign_in(client, make_administrator())

    response = client.post(
        lift_url(suspension), {"_form_submitted": "True"}, headers={"HX-Request": "true"}
    )

    assert (response.status_code, response["HX-Redirect"]) == (200, list_url(Suspension))
    assert not Suspension.objects.exists()


def test_lifting_an_unknown_suspension_does_nothing(client: Client) -> None:
    sign_in(client, make_administrator())

    for object_id in ("x", "0190a2b4-0000-7000-8000-000000000000"):
        url = reverse("admin:authentication_suspension_lift", args=[object_id])
        assert client.post(url, {"_form_submitted": "True"}).status_code == 404


def test_forms_require_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    suspension = make_suspension(make_person("mary"))
    sign_in(client, make_administrator())

    for url in (ADD, change_url(suspension), lift_url(suspension)):
        assert client.post(url, form(_form_submitted="True")).status_code == 403
    assert Suspension.objects.exists()


def test_staff_see_suspensions_read_only(client: Client) -> None:
    mary = make_person("mary")
    suspension = make_suspension(mary)
    sign_in(client, make_staff())
    before = tags()

    assert REASON in client.get(list_url(Suspension)).content.decode()
    page = client.get(change_url(suspension))
    assert page.status_code == 200
    assert lift_url(suspension) not in page.content.decode()
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, form(user=mary.pk)).status_code == 403
    assert client.post(change_url(suspension), form(reason="x")).status_code == 403
    assert client.get(lift_url(suspension)).status_code == 403
    assert client.post(lift_url(suspension), {"_form_submitted": "True"}).status_code == 403
    assert Suspension.objects.get().reason == REASON
    assert tags() == before


def test_users_are_chosen_by_autocomplete(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_administrator())

    parameters = {"app_label": "authentication", "model_name": "suspension", "field_name": "user"}
    response = client.get("/admin/autocomplete/", {"term": "MAR"} | parameters)

    assert [result["text"] for result in response.json()["results"]] == ["mary"]


def test_suspensions_are_found_by_their_user(client: Client) -> None:
    for username in ("mary", "omar"):
        make_suspension(make_person(username))
    sign_in(client, make_staff())

    response = client.get(list_url(Suspension), {"q": "OMAR@"})

    assert {row.user.username for row in response.context["cl"].result_list} == {"omar"}


def test_sessions_show_where_and_when_they_were_used(client: Client) -> None:
    session = sign_in(client, make_administrator())
    Session.objects.filter(pk=session.pk).update(ip="192.0.2.7")

    for url in (list_url(Session), change_url(session)):
        assert "192.0.2.7" in client.get(url).content.decode()
