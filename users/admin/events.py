"""The read-only pages of the audit trail and the daily counts."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter

from users.activity.models import DailyCount, Event, EventSeal
from users.admin.base import MenuItem, RosterAdmin, Section, is_administrator
from users.admin.filters import ChoicesFilter


def _username(path: str) -> Subquery:
    users = get_user_model().objects.filter(pk=OuterRef(path))
    return Subquery(users.values("username"))


def _user_link(username: str | None, user_id: UUID | None) -> str | None:
    """Return a link to the user, or the id if there is none."""
    if username is None:
        return str(user_id) if user_id else None
    url = reverse("admin:accounts_user_change", args=[user_id])
    return format_html('<a href="{}" class="text-link">{}</a>', url, username)


@admin.register(Event)
class EventAdmin(RosterAdmin):
    """The audit trail, newest first, for administrators."""

    menu = MenuItem(Section.ACTIVITY, 3, "history")
    may_view = staticmethod(is_administrator)
    list_display = ("tag", "actor_link", "subject_link", "created_at")
    list_filter = (("tag", ChoicesFilter),)
    # Django shows the search box only if there are fields; `get_search_results` ignores them.
    search_fields = ("subject_id",)
    search_help_text = _("Username, e-mail address or id")
    # The primary key is the only index that serves the order of the whole table.
    sortable_by = ()
    ordering = ("-id",)
    fields = (
        *(("tag", "created_at"), ("actor_link", "subject_link"), ("ip", "user_agent")),
        *(("session_id", "sealed"), "data"),
    )
    readonly_fields = ("actor_link", "subject_link", "ip", "user_agent", "sealed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read usernames, details and seals in the same statement (N+1)."""
        names = {"actor_name": _username("actor_id"), "subject_name": _username("subject_id")}
        events: QuerySet[Any] = super().get_queryset(request).annotate(**names)
        return events.select_related("details", "seal")

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by the indexed subject: an id, or the user with this username or address."""
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        try:
            about = Q(subject_id=UUID(term))
        except ValueError:
            users = get_user_model().objects.with_login(term)
            about = Q(subject_id__in=users.values("pk"))
        return queryset.filter(about), False

    @admin.display(description=_("actor"))
    def actor_link(self, event: Any) -> str | None:
        """Show the user who caused the event."""
        return _user_link(event.actor_name, event.actor_id)

    @admin.display(description=_("subject"))
    def subject_link(self, event: Any) -> str | None:
        """Show the user, or the id of the row, that the event is about."""
        return _user_link(event.subject_name, event.subject_id)

    @admin.display(description=_("address"))
    def ip(self, event: Event) -> str | None:
        """Show the client's IP address, unless it was erased."""
        return event.personal_values.get("ip")

    @admin.display(description=_("sealed"))
    def sealed(self, event: Event) -> str | None:
        """Show the position in the sealed chain and the time of sealing.

        `manage.py verify_audit` verifies the chain.
        """
        # `RelatedObjectDoesNotExist` is an `AttributeError`.
        seal: EventSeal | None = getattr(event, "seal", None)
        return (
            f"#{seal.sequence}, {date_format(seal.sealed_at, 'DATETIME_FORMAT')}" if seal else None
        )

    @admin.display(description=_("device"))
    def user_agent(self, event: Event) -> str | None:
        """Show the client's user agent, unless it was erased."""
        return event.personal_values.get("user_agent")


@admin.register(DailyCount)
class DailyCountAdmin(RosterAdmin):
    """The daily counts that the dashboard sums up."""

    menu = MenuItem(Section.ACTIVITY, 4, "bar_chart")
    list_display = ("day", "tag", "count")
    list_filter = (("tag", ChoicesFilter), ("day", RangeDateFilter))
    ordering = ("-day", "tag")
    fields = ("day", "tag", "count")
