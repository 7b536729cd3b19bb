"""The admin as a whole: signing in by our sessions, the menu, the dashboard."""

import datetime as dt
import json
from collections.abc import Iterable
from functools import wraps
from itertools import groupby, starmap
from time import perf_counter
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from core.errors import DomainError, ForbiddenError, ReauthenticationRequiredError
from core.security.actor import Actor
from engine.sql.filtered_page import first_rows
from users.accounts.identifiers import readable_email
from users.accounts.models import User
from users.activity.models import DailyCount
from users.activity.tags import Tag
from users.admin.actions import redirect_from_dialog
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of
from users.admin.lists import BoundedPaginator
from users.admin.log_in import EnrollmentView, LogInView, SecondStepView
from users.authentication.services.end_sessions import log_out
from users.authentication.sessions.middleware import clear_session_cookie

# Django's password pages write past our services, and its shortcut asks models for their page
# on the site, which none has.
UNUSED_VIEWS = {"password_change", "password_change_done", "view_on_site"}
DAYS_SHOWN = 30
MAX_USERS_FOUND = 10
CHART_COLORS = ("var(--color-primary-600)", "var(--color-base-400)", "var(--color-primary-300)")
# A grey that can be read on white and on black; the chart does not know the theme.
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


class RosterAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """The default site; `admin.register` registers here."""

    index_title = _("Overview")
    index_template = "admin/overview.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Allow staff; the actor of a deactivated account is anonymous."""
        return actor_of(request).is_staff

    def get_urls(self) -> list[Any]:
        """Leave out what we do not use, and add what Django does not know."""
        used = [url for url in super().get_urls() if getattr(url, "name", "") not in UNUSED_VIEWS]
        return [path("second-factor/", self.second_factor, name="second-factor"), *used]

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:  # noqa: ARG002
        """Nothing: the events are the log."""
        return LogEntry.objects.none()

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Show or process the forms; those who are in go on, unless they are to prove it again."""
        actor = actor_of(request)
        if request.method == "GET" and "again" not in request.GET:
            if actor.enrolling_id:
                return HttpResponseRedirect(reverse("admin:second-factor"))
            if self.has_permission(request):
                return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": gettext("Log in"),
            "app_path": request.get_full_path(),
            **(extra_context or {}),
        }
        step = SecondStepView if "mfa_token" in request.POST else LogInView
        return step.as_view(extra_context=context)(request)

    def second_factor(self, request: HttpRequest) -> HttpResponseBase:
        """Have a second factor set up, by staff and by those who may do nothing else yet."""
        actor = actor_of(request)
        if not (actor.is_staff or actor.enrolling_id):
            return HttpResponseRedirect(reverse("admin:login"))
        context = {**self.each_context(request), "title": gettext("Second factor")}
        return EnrollmentView.as_view(extra_context=context)(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Ask for recent authentication where a service requires it, and explain refusals."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except ReauthenticationRequiredError as error:
                messages.info(request, str(error.text))
                query = {"again": 1, "next": request.get_full_path()}
                return redirect_from_dialog(request, reverse("admin:login", query=query))
            except (DomainError, PermissionDenied) as error:
                return self.permission_denied(request, error)

        return super().admin_view(guarded, cacheable)

    def permission_denied(
        self, request: HttpRequest, error: DomainError | PermissionDenied
    ) -> HttpResponse:
        """Respond with 403, what was refused, and how to get it done."""
        text = error.text if isinstance(error, DomainError) else ForbiddenError.message
        context = {
            **self.each_context(request),
            "title": gettext("Not allowed"),
            "problem": text,
            "is_administrator": actor_of(request).is_superuser,
        }
        return TemplateResponse(request, "admin/permission_denied.html", context, status=403)

    @method_decorator(never_cache)
    def logout(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """End the session, here and in the console."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        log_out(actor=actor_of(request))
        response = HttpResponseRedirect(reverse("admin:login"))
        clear_session_cookie(response)
        return response

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the figures of the last days, and the ways on."""
        overview = {"sections": self.sections(request), **_overview(request)}
        response: HttpResponse = super().index(request, overview | (extra_context or {}))
        return response

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Find pages and some people for the theme's palette, which Ctrl K opens.

        The theme's own search would read to the end what it found, and cache it.
        """
        term = request.GET.get("s", "").strip()
        if not term:
            return HttpResponse()
        started = perf_counter()
        results = [*self._find_pages(request, term), *self._find_people(request, term)]
        context = {
            "results": results,
            "page_obj": {"count": len(results)},
            "page_counter": 0,
            "execution_time": perf_counter() - started,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "unfold/helpers/command_results.html", context)

    def _find_pages(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        return [
            item | {"title": capfirst(item["title"]), "description": section["title"]}
            for section in self.sections(request)
            for item in section["items"]
            if term.lower() in item["title"].lower()
        ]

    def _find_people(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        model_admin = self.get_model_admin(User)
        queryset = model_admin.get_queryset(request).prefetch_related(None).order_by("username")
        people, _has_duplicates = model_admin.get_search_results(request, queryset, term)
        return [
            {
                "title": user.get_full_name(),
                "description": readable_email(user.email),
                "link": reverse("admin:accounts_user_change", args=[user.pk]),
                "icon": "person",
            }
            for user in first_rows(people, MAX_USERS_FOUND)
        ]

    def sections(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the pages that the reader may see, as the menu and the overview show them."""
        pages: list[tuple[MenuItem, dict[str, Any]]] = [
            (cast("RosterAdmin", self.get_model_admin(model["model"])).menu, model)
            for app in self.get_app_list(request)
            for model in app["models"]
        ]
        order = list(Section)
        pages.sort(key=lambda page: (order.index(page[0].section), page[0].position))
        return [
            {"title": section.label, "separator": True, "items": _links(items)}
            for section, items in groupby(pages, key=lambda page: page[0].section)
        ]


def _links(pages: Iterable[tuple[MenuItem, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "title": model["name"],
            "icon": menu.icon,
            "link": model["admin_url"],
            "add_link": model["add_url"],
        }
        for menu, model in pages
    ]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu, for the theme's settings."""
    overview = {"title": _("Overview"), "icon": "space_dashboard", "link": reverse("admin:index")}
    site = cast("RosterAdminSite", admin.site)
    return [{"items": [overview]}, *site.sections(request)]


def icon_url(_request: HttpRequest) -> str:
    """Return the address of the service's icon, for `UNFOLD`."""
    return static("core/icon.svg")


def stylesheet_url(_request: HttpRequest) -> str:
    """Return the address of our additions to the theme's styles, for `UNFOLD`."""
    return static("admin_pages/admin.css")


def own_page(request: HttpRequest) -> str:
    """Return where the reader's own account is, for the theme's settings."""
    return reverse("admin:accounts_user_change", args=[actor_of(request).user_id])


def _overview(request: HttpRequest) -> dict[str, Any]:
    """Sum up the daily counts of this period and of the one before it.

    Two statements at any size: nothing here counts a large table to its end.
    """
    actor, today = actor_of(request), timezone.now().date()
    days = [today - dt.timedelta(days=ago) for ago in reversed(range(2 * DAYS_SHOWN))]
    counts = DailyCount.objects.visible_to(actor).between(days[0], today).by_day_and_tag()
    series = {
        title: [counts.get((day, tag), 0) for day in days]
        for title, tag in (
            (gettext("Log-ins"), Tag.LOGGED_IN),
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
        "figures": [_people(actor), *starmap(_figure, series.items())],
        "chart_title": gettext("The last %(days)d days") % {"days": DAYS_SHOWN},
        "chart": json.dumps(chart),
        "chart_options": json.dumps(CHART_OPTIONS),
    }


def _people(actor: Actor) -> dict[str, Any]:
    people = BoundedPaginator(User.objects.visible_to(actor).order_by("pk"), per_page=1)
    return {
        "title": gettext("People"),
        "value": number_format(people.count, force_grouping=True)
        + ("+" if people.is_cut_off else ""),
        "remark": gettext("with an account"),
        "link": reverse("admin:accounts_user_changelist"),
    }


def _figure(title: str, numbers: list[int]) -> dict[str, Any]:
    before, now = sum(numbers[:DAYS_SHOWN]), sum(numbers[DAYS_SHOWN:])
    return {
        "title": title,
        "value": number_format(now, force_grouping=True),
        "remark": gettext("%(before)s in the %(days)d days before")
        % {"before": number_format(before, force_grouping=True), "days": DAYS_SHOWN},
    }
