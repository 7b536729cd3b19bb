"""The dashboard of the admin: figures and a chart of the last days."""

import datetime as dt
import json
from itertools import starmap
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

from core.security.actor import Actor
from users.accounts.models import User
from users.activity.models import DailyCount
from users.activity.tags import Tag
from users.admin.base import actor_of
from users.admin.lists import BoundedPaginator

DAYS_SHOWN = 30
CHART_COLORS = ("var(--color-primary-600)", "var(--color-base-400)", "var(--color-primary-300)")
# A grey that is legible on white and on black: the chart ignores the colour theme.
GREY = "#8b93a3"
TICKS = {"color": GREY, "maxRotation": 0, "precision": 0}
CHART_OPTIONS = {
    "animation": False,
    "maintainAspectRatio": False,
    "interaction": {"mode": "index", "intersect": False},
    "elements": {"line": {"borderWidth": 2, "tension": 0.3}, "point": {"radius": 0}},
    "plugins": {
        "legend": {
            "align": "end",
            "labels": {
                "boxHeight": 6,
                "boxWidth": 6,
                "color": GREY,
                "pointStyle": "circle",
                "usePointStyle": True,
            },
        }
    },
    "scales": {
        "x": {"grid": {"display": False}, "ticks": TICKS | {"maxTicksLimit": 8}},
        "y": {"beginAtZero": True, "ticks": TICKS | {"maxTicksLimit": 6}},
    },
}


def get_dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return the template context: the daily counts of this period and the previous one.

    It takes two statements, whatever the size of the tables: the count of users is bounded.
    """
    actor, today = actor_of(request), timezone.now().date()
    days = [today - dt.timedelta(days=ago) for ago in reversed(range(2 * DAYS_SHOWN))]
    counts = DailyCount.objects.visible_to(actor).between(days[0], today).by_day_and_tag()
    series = {
        title: [counts.get((day, tag), 0) for day in days]
        for title, tag in (
            (gettext("Sign-ins"), Tag.LOGGED_IN),
            (gettext("Sign-ups"), Tag.SIGN_UP_REQUESTED),
            (gettext("New people"), Tag.USER_CREATED),
        )
    }
    chart = {
        "labels": [date_format(day, "MONTH_DAY_FORMAT") for day in days[DAYS_SHOWN:]],
        "datasets": [
            {
                "label": title,
                "data": numbers[DAYS_SHOWN:],
                "borderColor": color,
                "backgroundColor": color,
            }
            for (title, numbers), color in zip(series.items(), CHART_COLORS, strict=True)
        ],
    }
    return {
        "figures": [_user_figure(actor), *starmap(_figure, series.items())],
        "chart_title": gettext("Last %(days)d days") % {"days": DAYS_SHOWN},
        "chart": json.dumps(chart),
        "chart_options": json.dumps(CHART_OPTIONS),
    }


def _user_figure(actor: Actor) -> dict[str, Any]:
    users = BoundedPaginator(User.objects.visible_to(actor).order_by("pk"), per_page=1)
    return {
        "title": gettext("People"),
        "value": number_format(users.count, force_grouping=True)
        + ("+" if users.is_cut_off else ""),
        "remark": gettext("with an account"),
        "link": reverse("admin:accounts_user_changelist"),
    }


def _figure(title: str, numbers: list[int]) -> dict[str, Any]:
    before, now = sum(numbers[:DAYS_SHOWN]), sum(numbers[DAYS_SHOWN:])
    return {
        "title": title,
        "value": number_format(now, force_grouping=True),
        "remark": gettext("%(before)s in the previous %(days)d days")
        % {"before": number_format(before, force_grouping=True), "days": DAYS_SHOWN},
    }
