"""The dashboard of the admin: figures and charts of a range of days."""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext

from core.security.actor import Actor
from users.accounts.models import User
from users.activity.analytics import AnalyticsDimension, AnalyticsInterval
from users.activity.models import ALL, IntervalCounts, Series
from users.activity.services.retention import read_cohorts
from users.activity.tags import Tag
from users.admin.base import actor_of, is_administrator
from users.admin.charts import Chart
from users.admin.date_range import DateRange
from users.admin.lists import BoundedPaginator

DAY: Final = AnalyticsInterval.DAY
SEGMENTS: Final = 8
COHORTS: Final = 12


def get_dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return the template context.

    It takes ten statements, whatever the size of the tables: all counts are rolled up, and the
    count of users is bounded.
    """
    actor, shown = actor_of(request), DateRange.of(request)
    before = shown.before
    first = before.first if before else shown.first
    series = IntervalCounts.objects.visible_to(actor).series(DAY, first, shown.last)
    days = DAY.starts(shown.first, shown.last)
    return {
        "range": shown,
        "figures": [
            _user_figure(actor),
            *_figures(series, days, DAY.starts(before.first, before.last) if before else []),
        ],
        "charts": [*_charts(actor, shown, series, days), *_segments(actor, shown)],
        "retention": _retention(actor, shown),
    }


def _user_figure(actor: Actor) -> dict[str, Any]:
    users = BoundedPaginator(User.objects.visible_to(actor).order_by("pk"), per_page=1)
    return {
        "title": gettext("People"),
        "value": capfirst(users.count_text),
        "remark": gettext("with an account"),
        "link": reverse("admin:accounts_user_changelist"),
    }


def _figures(
    series: Series, days: Sequence[dt.date], before: Sequence[dt.date]
) -> Iterator[dict[str, Any]]:
    """Yield sums of the range, with those of the range before."""
    for title, name in (
        (gettext("Sign-ins"), "log_ins"),
        (gettext("Failed sign-ins"), "failed_log_ins"),
        (gettext("Sign-ups"), "sign_ups"),
        (gettext("New people"), "new_users"),
    ):
        earlier = number_format(sum(series.values(name, before)))
        yield {
            "title": title,
            "value": number_format(sum(series.values(name, days))),
            "remark": gettext("%(before)s in the previous %(days)d days")
            % {"before": earlier, "days": len(days)},
        }
    active = sum(series.values("active_users", days)) / len(days)
    yield {
        "title": gettext("Active people"),
        "value": number_format(round(active, 1), decimal_pos=1),
        "remark": gettext("per day, on average"),
    }
    requested = sum(series.values("sign_ups", days))
    completed = sum(series.values("completed_sign_ups", days))
    yield {
        "title": gettext("Verification rate"),
        "value": _share(completed, requested),
        "remark": gettext("of the sign-ups were completed"),
    }
    users = series.total_users(days)[-1]
    factors = series.totals("second_factor_users", days)[-1]
    yield {
        "title": gettext("With a second factor"),
        "value": _share(factors, users),
        "remark": gettext("%(number)s people, at the end") % {"number": number_format(factors)},
    }


def _share(part: int, whole: int) -> str:
    return f"{number_format(round(100 * part / whole, 1), decimal_pos=1)} %" if whole else "–"


def _charts(
    actor: Actor, shown: DateRange, series: Series, days: Sequence[dt.date]
) -> Iterator[Chart]:
    """Yield the charts per day."""
    labels = [date_format(day, "MONTH_DAY_FORMAT") for day in days]

    def chart(title: str, link: str, *, caption: str = "", **columns: str) -> Chart:
        numbers = {columns[name]: series.values(name, days) for name in columns}
        return Chart(title, gettext("Day"), labels, numbers, link, caption=caption)

    counts = _counts_url(shown)
    joined = _url("accounts_user", shown, "date_joined")
    yield chart(gettext("Active people"), counts, active_users=gettext("Active people"))
    yield chart(
        gettext("Sign-ins"),
        _events_url(actor, shown, Tag.LOGGED_IN),
        log_ins=gettext("Sign-ins"),
        failed_log_ins=gettext("Failed"),
        lockouts=gettext("Lockouts"),
    )
    yield chart(
        gettext("Sign-ups"),
        joined,
        sign_ups=gettext("Requested"),
        completed_sign_ups=gettext("Completed by now"),
        new_users=gettext("New people"),
        caption=gettext(
            "New people signed up, were invited or were created by an administrator. Imported"
            " people are counted separately."
        ),
    )
    factors = series.totals("second_factor_users", days)
    yield Chart(
        gettext("People with a second factor"),
        gettext("Day"),
        labels,
        {gettext("People"): factors},
        _events_url(actor, shown, Tag.FACTOR_ADDED),
        is_total=True,
    )
    yield chart(
        gettext("Mails"), counts, mails_sent=gettext("Sent"), mails_failed=gettext("Refused")
    )


def _segments(actor: Actor, shown: DateRange) -> Iterator[Chart]:
    """Yield the charts of sign-ins by segment."""
    counts = IntervalCounts.objects.visible_to(actor)
    for dimension, title, kind in (
        (AnalyticsDimension.DOMAIN, gettext("Sign-ins by domain"), gettext("Domain")),
        (AnalyticsDimension.LOCALE, gettext("Sign-ins by language"), gettext("Language")),
        (AnalyticsDimension.CLIENT, gettext("Sign-ins by client"), gettext("Client")),
    ):
        totals = counts.segment_totals(dimension, shown.first, shown.last, limit=SEGMENTS)
        sums = {
            segment: numbers["log_ins"]
            for segment, numbers in totals.items()
            if segment or numbers["log_ins"]
        }
        yield Chart(
            title,
            kind,
            [segment or gettext("Others") for segment in sums],
            {gettext("Sign-ins"): list(sums.values())},
            _counts_url(shown, dimension),
            is_bar=True,
        )


def _retention(actor: Actor, shown: DateRange) -> list[dict[str, Any]]:
    """Return the last cohorts, with the shares that came back in each week."""
    first = dt.date.fromordinal(max(shown.last.toordinal() - 7 * (COHORTS - 1), 1))
    return [
        {
            "week": cohort.week,
            "new_users": cohort.new_users,
            "shares": [
                {"text": _share(users, cohort.new_users), "heat": _heat(users, cohort.new_users)}
                for users in cohort.active_users[:COHORTS]
            ],
        }
        for cohort in read_cohorts(actor, first, shown.last)
    ]


def _heat(part: int, whole: int) -> int:
    """Return a level of colour, from 0 to 5."""
    return math.ceil(5 * part / whole) if whole else 0


def _counts_url(shown: DateRange, dimension: str = ALL) -> str:
    query = {"interval__exact": DAY.value, "dimension__exact": str(dimension)}
    return _url("activity_intervalcounts", shown, "start", **query)


def _events_url(actor: Actor, shown: DateRange, tag: Tag) -> str:
    """Return the list of events, or of counts for users who may not read events."""
    if not is_administrator(actor):
        return _counts_url(shown)
    return _url("activity_event", shown, "created_at", tag__exact=tag.value)


def _url(page: str, shown: DateRange, column: str, **query: str) -> str:
    days = {f"{column}_from": shown.first.isoformat(), f"{column}_to": shown.last.isoformat()}
    return reverse(f"admin:{page}_changelist", query=query | days)
