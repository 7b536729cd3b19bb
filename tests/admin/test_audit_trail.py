"""The audit trail in words, with reasons, former values, times and actors."""

import ast
import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_person,
    shown,
    sign_in,
    user_form,
)
from tests.support.factories import make_api_token
from tests.system.repository import ROOT
from users.activity.models import Event
from users.activity.tags import Tag
from users.admin.base import exact_time
from users.admin.devices import device_name
from users.admin.event_words import NAMES, TAGS, details_of, tag_in_words
from users.authentication.models import ApiToken
from users.scopes import Scope

pytestmark = pytest.mark.django_db

LIST = list_url(Event)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


def rows_of(client: Client, **query: Any) -> str:
    html: str = client.get(LIST, query).content.decode()
    return html.partition('id="result_list"')[2].partition("</table>")[0]


def test_every_tag_has_words() -> None:
    assert set(TAGS) == set(Tag)
    with translation.override("de"):
        assert str(tag_in_words(Tag.LOGGED_IN)) == "Angemeldet"
    assert tag_in_words("retired:tag:once") == "retired:tag:once"


def _recorded_names() -> set[str]:
    """Return the names of the values that calls of `record` pass."""
    calls = (
        node
        for path in (ROOT / "users").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "record"
    )
    return {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}


def test_every_recorded_value_has_a_name_in_words() -> None:
    names = {name.removeprefix("old_") for name in _recorded_names()}
    parameters = {"actor", "subject_id", "personal", "old", "new"}
    assert len(names) > 30
    assert names - parameters <= set(NAMES)
    event = Event(tag=Tag.USER_SUSPENDED, data={"sessions": 2})
    with translation.override("de"):
        assert list(details_of(event)) == [("Beendete Sitzungen", "–", "2")]


def test_suspension_is_shown_with_its_reasons(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    url = "/admin/authentication/suspension/add/"
    client.post(url, {"user": mary.pk, "reason": "Sent <spam>."})
    client.post(
        f"/admin/authentication/suspension/{mary.pk}/change/", {"reason": "Sold the account."}
    )
    rows = rows_of(client, tag__exact=Tag.USER_SUSPENDED)
    assert "Suspended" in rows
    assert "Sent &lt;spam&gt;." in rows
    assert "Sold the account." in rows

    event = Event.objects.filter(tag=Tag.USER_SUSPENDED).latest("id")
    page = client.get(change_url(event)).content.decode()
    assert (
        '<th scope="row">Reason</th><td>Sent &lt;spam&gt;.</td><td>Sold the account.</td>' in page
    )


def test_former_values_are_shown(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    client.post(change_url(mary), user_form(mary, username="maria", is_staff=True))
    said = {
        event.tag: list(details_of(event))
        for event in Event.objects.select_related("details")
        if event.tag in {Tag.USERNAME_CHANGED, Tag.USER_CHANGED}
    }
    assert ("Username", "mary", "maria") in said[Tag.USERNAME_CHANGED]
    assert ("Staff", "No", "Yes") in said[Tag.USER_CHANGED]


def test_time_has_seconds_and_zone(client: Client) -> None:
    sign_in(client, make_administrator())
    event = Event.objects.latest("id")
    text = f"{event.created_at:%H:%M:%S} UTC"
    assert text in rows_of(client)
    assert text in client.get(change_url(event)).content.decode()


def test_pages_are_named_in_words(client: Client) -> None:
    mary = make_person("mary")
    session = sign_in(client, make_administrator())
    make_api_token(mary, Scope.PROFILE_READ, name="Nightly")
    event = Event.objects.filter(tag=Tag.LOGGED_IN).latest("id")
    for row, name in (
        (event, f"Signed in, {exact_time(event.created_at)}"),
        (session, f"rosa, {exact_time(session.created_at)}"),
        (ApiToken.objects.get(), "Nightly"),
    ):
        response = client.get(change_url(row))
        html = response.content.decode()
        title = html.partition("<title>")[2].partition("</title>")[0]
        assert title.strip().startswith(f"{name} |")
        assert str(row) not in shown(response)


def test_events_are_found_by_actor_and_day(client: Client) -> None:
    mary, rosa = make_person("mary"), make_administrator()
    sign_in(client, rosa)
    client.post(change_url(mary), user_form(mary, name="Mary Somerville"))
    caused = rows_of(client, actor__id__exact=rosa.pk)
    assert "Profile changed" in caused
    assert "Account created" not in caused
    today = timezone.now().date()
    day = {"created_at_from": today.isoformat(), "created_at_to": today.isoformat()}
    assert "Profile changed" in rows_of(client, actor__id__exact=rosa.pk, **day)
    before = (today - dt.timedelta(days=2)).isoformat()
    long_ago = {"created_at_from": before, "created_at_to": before}
    assert "Profile changed" not in rows_of(client, **long_ago)
    assert client.get(LIST, {"actor__id__exact": "x"}).status_code == 302


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (CHROME, "Chrome on Windows"),
        (CHROME.replace("Safari/537.36", "Safari/537.36 Edg/140.0"), "Edge on Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
            "Firefox on Linux",
        ),
        ("curl/8.4.0", "curl"),
        ("something else", ""),
    ],
)
def test_devices_have_names(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


def test_sessions_show_devices(client: Client) -> None:
    session = sign_in(client, make_administrator())
    session.user_agent = CHROME
    session.save(update_fields=["user_agent"])
    for url in (list_url(type(session)), change_url(session)):
        page = client.get(url).content.decode()
        assert f'<span title="{CHROME}">Chrome on Windows</span>' in page
