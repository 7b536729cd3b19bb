"""What searches, filters and the command palette of the admin find."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client

from tests.admin.support import (
    list_url,
    make_administrator,
    make_person,
    make_staff,
    shown,
    sign_in,
)
from users.accounts.models import Profile, User
from users.activity.models import Event
from users.authentication.models import Session

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("mar", {"mary", "omar"}),
        ("MARY@example", {"mary"}),
        ("\N{FULLWIDTH LATIN SMALL LETTER M}ary", {"mary"}),
        ("omar exam", {"omar"}),
        ("100%", set()),
        ("a\0b", set()),
    ],
)
def test_users_are_found_by_substrings(client: Client, term: str, found: set[str]) -> None:
    for username in ("mary", "omar", "zoe"):
        make_person(username)
    sign_in(client, make_staff())
    parameters = {"app_label": "accounts", "model_name": "profile", "field_name": "user"}

    response = client.get("/admin/autocomplete/", parameters | {"term": term})

    assert {result["text"] for result in response.json()["results"]} == found


def test_rows_are_found_by_their_user(client: Client) -> None:
    mary, omar = make_person("mary"), make_person("omar")
    for user in (mary, omar):
        sign_in(Client(), user)
    sign_in(client, make_administrator())

    for url in (list_url(User), list_url(Session), list_url(Event)):
        for term in (str(mary.pk), "mary"):
            page = client.get(url, {"q": term}).content.decode()
            assert ">mary<" in page
            assert ">omar<" not in page


def test_filters_narrow_the_list(client: Client) -> None:
    group = Group.objects.create(name="Editors")
    make_person("mary").groups.add(group)
    make_person("gone", is_active=False)
    sign_in(client, make_staff())

    def listed(**parameters: str) -> set[str]:
        response = client.get(list_url(User), parameters)
        return {user.username for user in response.context["cl"].result_list}

    assert listed() == {"mary", "gone", "stan"}
    assert listed(is_active__exact="0") == {"gone"}
    assert listed(is_staff__exact="1") == {"stan"}
    assert listed(groups__id__exact=str(group.pk)) == {"mary"}
    assert listed(date_joined_from="2100-01-01") == set()


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (User, "password__startswith"),
        (User, "erased_at"),
        (Profile, "user__password__startswith"),
        (Session, "cookie_digest__startswith"),
        (Session, "user__password__startswith"),
        (Group, "user__password__startswith"),
    ],
)
def test_query_string_allows_only_the_offered_filters(
    client: Client, model: type[Model], lookup: str
) -> None:
    sign_in(client, make_administrator())

    assert client.get(list_url(model), {lookup: "a"}).status_code == 400


def test_command_palette_finds_pages_and_users(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    for number in range(12):
        make_person(f"sessa{number}")
    sign_in(client, make_staff())

    with statements() as captured:
        response = client.get("/admin/search/", {"s": "SESS", "extended": "1"})

    page = response.content.decode()
    assert list_url(Session) in page
    assert list_url(Event) not in page
    assert page.count('data-title="Sessa') == 10
    assert "There are more people." in page
    # The session and the users.
    assert len(captured) == 2
    assert shown(client.get("/admin/search/")).strip() == ""
    page = shown(client.get("/admin/search/", {"s": "sessa11"}))
    assert "Sessa11" in page
    assert "more people" not in page
    assert "No results matching" in shown(client.get("/admin/search/", {"s": "zzyzx"}))
