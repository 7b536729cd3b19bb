"""Bulk actions on all users that match the search and filters of the list."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from tests.admin.support import (
    change_url,
    is_asked_again,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    shown,
    sign_in,
)
from tests.support.bulk_actions import counts, run_turns
from tests.support.factories import make_bulk_action
from tests.support.second_factors import age_authentication
from users.accounts.models import User
from users.admin.base import actor_of
from users.admin.bulk.selection import selection_of
from users.admin.people import jobs as admin
from users.authentication.models import Suspension
from users.bulk.models import BulkAction

pytestmark = pytest.mark.django_db

URL = "/admin/accounts/user/act-in-bulk/"
SUSPEND = {"kind": "suspend", "reason": "Sent spam."}


def url(**parameters: str) -> str:
    return f"{URL}?{urlencode(parameters)}"


def begin(client: Client, count: int, **parameters: str) -> Any:
    values = {**SUSPEND, "expected_count": str(count)}
    return client.post(url(**parameters), values)


# Selection ------------------------------------------------------------------------------


def test_action_applies_to_all_search_results(client: Client) -> None:
    for number in range(60):
        make_person(f"mary{number:02}")
    others = [make_person("omar"), make_person("mary-too", is_active=False)]
    sign_in(client, make_administrator())
    parameters = {"q": "mary", "is_active__exact": "1"}

    listed = client.get(list_url(User), parameters)
    _invite, item, _export = listed.context["actions_list"]
    page = client.get(item["path"])

    # The selection includes the rows beyond the first page.
    assert len(listed.context["cl"].result_list) == 50
    assert "Selected people: 60." in shown(page)
    response = begin(client, 60, **parameters)
    bulk_action = BulkAction.objects.get()
    assert (response.status_code, response["Location"]) == (302, change_url(bulk_action))
    run_turns()
    bulk_action.refresh_from_db()
    assert (bulk_action.state, counts(bulk_action)) == ("completed", (60, 0, 0))
    assert not Suspension.objects.filter(user__in=others).exists()
    assert set(Suspension.objects.values_list("reason", flat=True)) == {"Sent spam."}
    done = shown(client.get(change_url(bulk_action)))
    assert "60 / 60" in done
    assert "“mary”" in done


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"mary", "omar", "gone", "stan", "rosa"}),
        ({"is_active__exact": "0"}, {"gone"}),
        ({"is_staff__exact": "0"}, {"mary", "omar", "gone"}),
        ({"is_superuser__exact": "1"}, {"rosa"}),
        ({"groups__id__exact": "group"}, {"mary"}),
        ({"date_joined_from": "2020-02-01", "date_joined_to": "2020-02-29"}, {"omar"}),
        ({"date_joined_to": "2020-02-28"}, set()),
        ({"q": "OMÁR"}, {"omar"}),
        ({"q": "mar", "is_staff__exact": "0", "o": "-1", "p": "1"}, {"mary", "omar"}),
    ],
)
def test_selection_equals_the_list(
    client: Client, parameters: dict[str, str], expected: set[str]
) -> None:
    group = Group.objects.create(name="Editors")
    mary = make_person("mary")
    mary.groups.add(group)
    omar = make_person("omar")
    User.objects.filter(pk=omar.pk).update(date_joined="2020-02-29T23:59:59.999Z")
    make_person("gone", is_active=False)
    make_staff()
    administrator = make_administrator()
    sign_in(client, administrator)
    query = {key: str(group.pk) if value == "group" else value for key, value in parameters.items()}
    on_list = {key: value for key, value in query.items() if key != "p"}

    listed = client.get(list_url(User), on_list).context["cl"].result_list
    request = client.get(url(**query)).wsgi_request
    selection = selection_of(request.GET)

    assert {user.username for user in listed} == expected
    assert selection is not None
    assert {user.username for user in selection.users(actor_of(request))} == expected


# Refusals --------------------------------------------------------------------------------


def test_changed_count_is_refused_with_the_new_count(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_administrator())
    response = begin(client, 2, q="mary")
    assert "Selected users: 1. Check the selection and try again." in shown(response)
    assert 'value="2"' in response.content.decode()
    assert not BulkAction.objects.exists()


def test_selecting_all_users_requires_confirmation(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_administrator())
    assert "These are all people" in shown(client.get(URL))
    assert "Apply to all people" not in shown(client.get(url(q="mary")))
    assert "This selects all users." in shown(begin(client, 2))
    assert not BulkAction.objects.exists()
    values = {"kind": "unlock", "expected_count": "2", "everybody": "on"}
    assert client.post(URL, values).status_code == 302
    run_turns()
    assert counts(BulkAction.objects.get()) == (1, 0, 1)


def test_service_refusals_are_shown_in_the_form(client: Client) -> None:
    make_person("mary")
    group = Group.objects.create(name="Editors")
    sign_in(client, make_administrator())
    values = {"kind": "add_to_group", "reason": "x", "expected_count": "1"}
    page = shown(client.post(url(q="mary"), values))
    assert "This action requires a value." in page
    assert "This action does not accept a value." in page
    page = shown(client.post(url(q="mary"), {"kind": "nothing", "expected_count": "x"}))
    assert "Enter a whole number." in page
    assert not BulkAction.objects.exists()
    values = {"kind": "add_to_group", "group_id": str(group.pk), "expected_count": "1"}
    assert client.post(url(q="mary"), values).status_code == 302
    assert "Wait for your other bulk action to end, or cancel it." in shown(
        begin(client, 1, q="mary")
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"q": "0190a0a0-0000-7000-8000-000000000000"},
        {"password__startswith": "a"},
        {"is_active__exact": "x"},
        {"date_joined_from": "yesterday"},
        {"q": "!"},
    ],
)
def test_invalid_selection_redirects_to_the_list(
    client: Client, parameters: dict[str, str]
) -> None:
    sign_in(client, make_administrator())
    for response in (client.get(url(**parameters)), begin(client, 0, **parameters)):
        assert response.status_code == 302
        assert response["Location"] == f"{list_url(User)}?{urlencode(parameters)}"
    assert not BulkAction.objects.exists()


def test_staff_see_no_bulk_actions(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_staff())
    assert client.get(list_url(User)).context["actions_list"] == []
    assert client.get(url(q="mary")).status_code == 403
    assert begin(client, 1, q="mary").status_code == 403
    assert not BulkAction.objects.exists()


def test_step_up_returns_to_the_selection(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_administrator())
    age_authentication()
    login = f"/admin/login/?{urlencode({'again': 1, 'next': url(q='mary')})}"
    assert client.get(url(q="mary"))["Location"] == login
    response = begin(client, 1, q="mary")
    assert is_asked_again(response)
    assert response.context["app_path"] == login
    assert not BulkAction.objects.exists()


def test_form_requires_the_csrf_token() -> None:
    make_person("mary")
    client = Client(enforce_csrf_checks=True)
    sign_in(client, make_administrator())
    assert begin(client, 1, q="mary").status_code == 403
    assert not BulkAction.objects.exists()


# Progress --------------------------------------------------------------------------------


def test_counting_stops_at_a_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "MAX_COUNTED_IN_ADMIN", 1)
    for username in ("mary", "marian"):
        make_person(username)
    sign_in(client, make_administrator())
    assert "More than 1 people are selected." in shown(client.get(url(q="mar")))
    assert begin(client, 2, q="mar").status_code == 302


def test_page_queries_do_not_depend_on_the_number_of_users(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    sign_in(client, make_administrator())
    taken = []
    for number in range(3):
        make_person(f"mary{number}")
        client.get(url(q="mary"))
        with statements() as captured:
            assert client.get(url(q="mary")).status_code == 200
        taken.append(len(captured))
    # The session, its user, the number of selected users, and the groups to choose from.
    assert taken == [4, 4, 4]


def test_running_action_is_canceled_after_confirmation(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_administrator())
    begin(client, 1, q="mary")
    bulk_action = BulkAction.objects.get()
    cancel = f"/admin/bulk/bulkaction/{bulk_action.pk}/cancel/"
    assert cancel in client.get(change_url(bulk_action)).content.decode()
    client.get(cancel)
    assert BulkAction.objects.live().exists()
    response = client.post(cancel, {"_form_submitted": "1"})
    assert response["Location"] == change_url(bulk_action)
    assert not BulkAction.objects.live().exists()
    assert client.post(cancel, {"_form_submitted": "1"}).status_code == 403
    assert cancel not in client.get(change_url(bulk_action)).content.decode()


def test_failures_are_paginated(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    administrator = make_administrator()
    users = [make_person(f"mary{number:02}") for number in range(25)]
    bulk_action = make_bulk_action(administrator, *users)
    sign_in(client, administrator)
    client.get(change_url(bulk_action))
    with statements() as captured:
        page = client.get(change_url(bulk_action)).content.decode()
    assert sum(user.username in page for user in users) == 20
    assert "LAST_ADMINISTRATOR" in page
    assert len(captured) <= 8
