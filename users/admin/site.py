"""The admin site: session-based sign-in, the menu, the dashboard and the command palette."""

from collections.abc import Iterable
from functools import wraps
from itertools import groupby
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.generic import View
from unfold.sites import UnfoldAdminSite

from core.errors import DomainError, ForbiddenError, ReauthenticationRequiredError
from core.web.brand import logo_url
from engine.sql.filtered_page import first_rows
from users.accounts.identifiers import readable_email
from users.accounts.models import User
from users.admin.actions import redirect_from_dialog, show_in_dialog
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of
from users.admin.dashboard import get_dashboard
from users.admin.kept_input import KeptInput
from users.admin.log_in import (
    EnrollmentView,
    LogInForm,
    LogInView,
    PasskeyView,
    SecondStepView,
    passkey_options,
)
from users.authentication.services.end_sessions import log_out
from users.authentication.sessions.middleware import CLEAR_SITE_DATA, clear_session_cookie

# Django's password views bypass our services; `view_on_site` needs models with a public page.
UNUSED_VIEWS = {"password_change", "password_change_done", "view_on_site"}
MAX_USERS_FOUND = 10


class RosterAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """The default admin site, on which `admin.register` registers pages."""

    index_title = _("Overview")
    index_template = "admin/dashboard.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Allow staff; the actor of a deactivated account is anonymous."""
        return actor_of(request).is_staff

    def get_urls(self) -> list[Any]:
        """Remove the unused views of Django, and add our pages."""
        used = [url for url in super().get_urls() if getattr(url, "name", "") not in UNUSED_VIEWS]
        return [
            path("login/passkey/", passkey_options, name="passkey-options"),
            path("second-factor/", self.second_factor, name="second-factor"),
            path("too-large/", self.admin_view(self.too_large), name="too-large"),
            *used,
        ]

    def get_log_entries(self, request: HttpRequest) -> QuerySet[LogEntry]:  # noqa: ARG002
        """Return nothing: the events are the audit trail."""
        return LogEntry.objects.none()

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Show or process the sign-in forms.

        Signed-in staff are redirected, unless ``again`` asks for reauthentication.
        """
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
        step: type[View] = LogInView
        if "mfa_token" in request.POST:
            step = SecondStepView
        elif "credential" in request.POST:
            step = PasskeyView
        return step.as_view(extra_context=context)(request)

    def second_factor(self, request: HttpRequest) -> HttpResponseBase:
        """Set up a second factor, for staff and users who must enroll."""
        actor = actor_of(request)
        if not (actor.is_staff or actor.enrolling_id):
            return HttpResponseRedirect(reverse("admin:login"))
        context = {**self.each_context(request), "title": gettext("Second factor")}
        return EnrollmentView.as_view(extra_context=context)(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Redirect to reauthentication if a service requires it, and explain refusals."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                return view(request, *args, **kwargs)
            except ReauthenticationRequiredError as error:
                return self.ask_again(request, error)
            except (DomainError, PermissionDenied) as error:
                return self.permission_denied(request, error)
            except Http404:
                return self.not_found(request)

        return super().admin_view(guarded, cacheable)

    def ask_again(self, request: HttpRequest, error: ReauthenticationRequiredError) -> HttpResponse:
        """Show the sign-in form, and keep the input of a form that was submitted."""
        url = reverse("admin:login", query={"again": 1, "next": request.get_full_path()})
        if request.method != "POST":
            messages.info(request, str(error.text))
            return redirect_from_dialog(request, url)
        form = LogInForm(initial={"kept": KeptInput.of(request).sealed(request)})
        context = {
            **self.each_context(request),
            "title": gettext("Log in"),
            "app_path": url,
            "form": form,
            "notice": error.text,
        }
        if request.headers.get("HX-Request"):
            return show_in_dialog(request, "admin/log_in_dialog.html", context)
        return TemplateResponse(request, "admin/log_in.html", context)

    def not_found(self, request: HttpRequest) -> HttpResponse:
        """Respond with 404 and a way back."""
        context = {**self.each_context(request), "title": gettext("This page does not exist")}
        return TemplateResponse(request, "admin/not_found.html", context, status=404)

    def permission_denied(
        self, request: HttpRequest, error: DomainError | PermissionDenied
    ) -> HttpResponse:
        """Respond with 403: what was refused, and whom to ask."""
        text = error.text if isinstance(error, DomainError) else ForbiddenError.message
        context = {
            **self.each_context(request),
            "title": gettext("Not allowed"),
            "problem": text,
            "is_administrator": actor_of(request).is_superuser,
        }
        return TemplateResponse(request, "admin/permission_denied.html", context, status=403)

    def too_large(self, request: HttpRequest) -> HttpResponse:
        """Explain the response to an upload that was refused below the application."""
        context = {**self.each_context(request), "title": gettext("The file is too large")}
        return TemplateResponse(request, "admin/too_large.html", context, status=413)

    @method_decorator(never_cache)
    def logout(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """End the session, which the console shares."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        log_out(actor=actor_of(request))
        response = HttpResponseRedirect(reverse("admin:login"), headers=CLEAR_SITE_DATA)
        clear_session_cookie(response)
        return response

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the dashboard: figures, chart and links to all pages."""
        context = {"sections": self.sections(request), **get_dashboard(request)}
        response: HttpResponse = super().index(request, context | (extra_context or {}))
        return response

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Find pages and some users for the theme's command palette (Ctrl+K).

        The theme's own search is unbounded: it reads and caches all results.
        """
        template, term = "unfold/helpers/command_results.html", request.GET.get("s", "").strip()
        if not term:
            return TemplateResponse(request, template)
        users = self._find_users(request, term)
        context = {
            "term": term,
            "results": [*self._find_pages(request, term), *users[:MAX_USERS_FOUND]],
            "is_cut_off": len(users) > MAX_USERS_FOUND,
            **(extra_context or {}),
        }
        return TemplateResponse(request, template, context)

    def _find_pages(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        return [
            item | {"title": capfirst(item["title"]), "description": section["title"]}
            for section in self.sections(request)
            for item in section["items"]
            if term.lower() in item["title"].lower()
        ]

    def _find_users(self, request: HttpRequest, term: str) -> list[dict[str, Any]]:
        """Return the first users, and one more that shows that there are others."""
        model_admin = self.get_model_admin(User)
        queryset = model_admin.get_queryset(request).prefetch_related(None).order_by("username")
        users, _has_duplicates = model_admin.get_search_results(request, queryset, term)
        return [
            {
                "title": user.get_full_name(),
                "description": readable_email(user.email),
                "link": reverse("admin:accounts_user_change", args=[user.pk]),
                "icon": "person",
            }
            for user in first_rows(users, MAX_USERS_FOUND + 1)
        ]

    def sections(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the pages that the actor may view, by section."""
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
    """Return the menu, for `UNFOLD`."""
    dashboard = {"title": _("Overview"), "icon": "space_dashboard", "link": reverse("admin:index")}
    console = {"title": _("API console"), "icon": "terminal", "link": reverse("graphql")}
    site = cast("RosterAdminSite", admin.site)
    return [
        {"items": [dashboard]},
        *site.sections(request),
        {"separator": True, "items": [console]},
    ]


def icon_url(_request: HttpRequest) -> str:
    """Return the URL of the service's logo, for `UNFOLD`."""
    return logo_url()


def stylesheet_url(_request: HttpRequest) -> str:
    """Return the URL of our additions to the theme's stylesheet, for `UNFOLD`."""
    return static("admin_pages/admin.css")


def script_url(_request: HttpRequest) -> str:
    """Return the URL of what makes the theme accessible, for `UNFOLD`."""
    return static("admin_pages/accessibility.js")


def log_in_script_url(_request: HttpRequest) -> str:
    """Return the URL of the script of the sign-in forms, for `UNFOLD`."""
    return static("admin_pages/log_in.js")


def copy_script_url(_request: HttpRequest) -> str:
    """Return the URL of the script that copies secrets, for `UNFOLD`."""
    return static("admin_pages/copy.js")


def own_account_url(request: HttpRequest) -> str:
    """Return the URL of the actor's own account page, for `UNFOLD`."""
    return reverse("admin:accounts_user_change", args=[actor_of(request).user_id])
