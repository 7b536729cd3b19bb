"""The admin's dashboard: ranges, figures, charts, and the lists behind them."""

import datetime as dt
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.admin.support import make_administrator, make_staff, sign_in
from users.activity.models import CohortWeek, Event, IntervalCounts
from users.activity.tags import Tag

pytestmark = pytest.mark.django_db


def charts(client: Client, **query: str) -> dict[str, Any]:
    """Return the charts by title."""
    response = client.get("/admin/", query)
    assert response.status_code == 200
    return {chart.title: chart for chart in response.context["charts"]}


def days_shown(client: Client, **query: str) -> int:
    return len(charts(client, **query)["Sign-ins"].labels)


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, 30),
        ({"days": "7"}, 7),
        ({"days": "365"}, 365),
        ({"days": "10000"}, 30),
        ({"days": "x"}, 30),
        ({"from": "2026-02-01", "to": "2026-02-01"}, 1),
        ({"from": "2027-12-31", "to": "2028-12-30"}, 366),
        ({"from": "0001-01-01", "to": "0001-01-31"}, 31),
        ({"from": "9999-12-01", "to": "9999-12-31"}, 31),
    ],
)
def test_range_is_chosen(client: Client, query: dict[str, str], days: int) -> None:
    sign_in(client, make_staff())
    assert days_shown(client, **query) == days


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"from": "2020-01-01", "to": "2026-02-01"},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "2026-02-30", "to": "2026-03-01"},
        {"from": "", "to": ""},
        {"from": "<script>", "to": "2026-02-01"},
        {"from": "2026-02-01"},
    ],
)
def test_invalid_range_is_explained(client: Client, query: dict[str, str]) -> None:
    sign_in(client, make_staff())
    page = client.get("/admin/", query)
    assert "Choose a first and a last day, at most 365 days apart." in page.content.decode()
    assert days_shown(client, **query) == 30


def test_figures_and_charts_show_the_counts(client: Client) -> None:
    today = timezone.now().date()
    for ago, sign_ins in ((0, 5), (1, 7), (7, 100), (40, 1_000)):
        IntervalCounts.objects.create(
            interval="day",
            start=today - dt.timedelta(days=ago),
            log_ins=sign_ins,
            sign_ups=4,
            completed_sign_ups=3,
            new_users=2,
            imported_users=8,
            second_factor_users=1,
        )
    for segment, sign_ins in (("Firefox", 9), ("", 3)):
        IntervalCounts.objects.create(
            interval="day", dimension="client", segment=segment, start=today, log_ins=sign_ins
        )
    sign_in(client, make_staff())

    response = client.get("/admin/", {"days": "7"})
    figures = {each["title"]: each for each in response.context["figures"]}
    assert figures["Sign-ins"]["value"] == "12"
    assert figures["Sign-ins"]["remark"] == "100 in the previous 7 days"
    assert figures["Verification rate"]["value"] == "75.0 %"
    assert figures["With a second factor"]["value"] == "10.0 %"
    shown = charts(client, days="7")
    assert list(shown["Sign-ins"].series["Sign-ins"]) == [0, 0, 0, 0, 0, 7, 5]
    assert shown["People with a second factor"].series["People"] == [2, 2, 2, 2, 2, 3, 4]
    sign_ups = shown["Sign-ups"]
    assert {name: sum(numbers) for name, numbers in sign_ups.series.items()} == {
        "Requested": 8,
        "Completed by now": 6,
        "New people": 4,
    }
    assert sign_ups.caption in response.content.decode()
    assert "Imported" in sign_ups.caption
    by_client = shown["Sign-ins by client"]
    assert by_client.rows == [("Firefox", ["9"]), ("Others", ["3"])]
    assert json.loads(by_client.data)["datasets"][0]["data"] == [9, 3]
    assert "Sign-ins: 12" in response.content.decode()


def test_retention_shows_shares(client: Client) -> None:
    monday = timezone.now().date() - dt.timedelta(days=timezone.now().weekday())
    first = monday - dt.timedelta(weeks=1)
    IntervalCounts.objects.create(interval="week", start=first, new_users=8)
    CohortWeek.objects.create(cohort=first, week=first, users=8)
    CohortWeek.objects.create(cohort=first, week=monday, users=1)
    sign_in(client, make_staff())

    *_earlier, cohort, _this_week = client.get("/admin/").context["retention"]
    assert (cohort["week"], cohort["new_users"]) == (first, 8)
    assert cohort["shares"] == [{"text": "100.0 %", "heat": 5}, {"text": "12.5 %", "heat": 1}]


def test_each_chart_links_to_a_list(client: Client) -> None:
    """Staff may not read the audit trail, so theirs lead to the counts."""
    yesterday = timezone.now() - dt.timedelta(days=1)
    for tag in (Tag.LOGGED_IN, Tag.LOGGED_OUT):
        Event.objects.create(tag=tag)
    for user, page in ((make_administrator(), "event"), (make_staff(), "intervalcounts")):
        sign_in(client, user)
        shown = charts(client)
        assert f"/admin/activity/{page}/?" in shown["Sign-ins"].link
        for chart in shown.values():
            response = client.get(chart.link)
            assert (chart.title, response.status_code) == (chart.title, 200)

    sign_in(client, user := make_administrator("rita"))
    listed = client.get(charts(client)["Sign-ins"].link).context["cl"].result_list
    assert {event.tag for event in listed} == {Tag.LOGGED_IN}
    day = yesterday.date().isoformat()
    earlier = client.get("/admin/activity/event/", {"created_at_to": day}).context["cl"]
    assert list(earlier.result_list) == []
    assert user.is_superuser


@pytest.mark.parametrize(
    ("first", "last"), [("0001-01-01", "0001-01-31"), ("9999-12-01", "9999-12-31")]
)
def test_lists_behind_the_ends_of_the_calendar_are_empty(
    client: Client, first: str, last: str
) -> None:
    sign_in(client, make_administrator())
    for chart in charts(client, **{"from": first, "to": last}).values():
        response = client.get(chart.link)
        assert (chart.title, response.status_code) == (chart.title, 200)
        assert list(response.context["cl"].result_list) == []


def test_statements_do_not_depend_on_the_range(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    today = timezone.now().date()
    for ago in range(60):
        for dimension in ("all", "domain", "locale", "client"):
            start = today - dt.timedelta(days=ago)
            IntervalCounts.objects.create(
                interval="day", start=start, dimension=dimension, segment="x", log_ins=ago
            )
    sign_in(client, make_staff())

    for days in ("7", "365"):
        with statements() as captured:
            client.get("/admin/", {"days": days})
        # The session, its user (for Django's admin), and ten of the dashboard.
        assert len(captured) <= 12
