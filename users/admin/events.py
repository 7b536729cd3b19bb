"""The audit trail and the daily figures, to look at."""

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
    people = get_user_model().objects.filter(pk=OuterRef(path))
    return Subquery(people.values("username"))


def _person(username: str | None, user_id: UUID | None) -> str | None:
    """Return a link to the person, or the bare id of what is no person or no longer one."""
    if username is None:
        return str(user_id) if user_id else None
    url = reverse("admin:accounts_user_change", args=[user_id])
    return format_html('<a href="{}" class="text-link">{}</a>', url, username)


@admin.register(Event)
class EventAdmin(RosterAdmin):
    """The audit trail, newest first, for administrators."""

    menu = MenuItem(Section.ACTIVITY, 3, "history")
    may_view = staticmethod(is_administrator)
    list_display = ("tag", "who", "whom", "created_at")
    list_filter = (("tag", ChoicesFilter),)
    # What is searched for is decided below; Django shows the box only if there are fields.
    search_fields = ("subject_id",)
    search_help_text = _("Username, e-mail address or id")
    # The only order that an index of any size serves.
    sortable_by = ()
    ordering = ("-id",)
    fields = (
        *(("tag", "created_at"), ("who", "whom"), ("ip", "user_agent")),
        *(("session_id", "sealed"), "data"),
    )
    readonly_fields = ("who", "whom", "ip", "user_agent", "sealed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read the names along, in the same statement."""
        names = {"actor_name": _username("actor_id"), "subject_name": _username("subject_id")}
        events: QuerySet[Any] = super().get_queryset(request).annotate(**names)
        return events.select_related("details", "seal")

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the indexed subject: an id, or the id of the person with this login."""
        term = search_term.replace("\0", "").strip()
        if not term:
            return queryset, False
        try:
            about = Q(subject_id=UUID(term))
        except ValueError:
            people = get_user_model().objects.with_login(term)
            about = Q(subject_id__in=people.values("pk"))
        return queryset.filter(about), False

    @admin.display(description=_("actor"))
    def who(self, event: Any) -> str | None:
        """Show who did it."""
        return _person(event.actor_name, event.actor_id)

    @admin.display(description=_("subject"))
    def whom(self, event: Any) -> str | None:
        """Show whom or what it is about."""
        return _person(event.subject_name, event.subject_id)

    @admin.display(description=_("address"))
    def ip(self, event: Event) -> str | None:
        """Show where it was done from, unless that was erased."""
        return event.personal_values.get("ip")

    @admin.display(description=_("sealed"))
    def sealed(self, event: Event) -> str | None:
        """Show the place in the chain, and since when. `manage.py verify_audit` proves it."""
        # What Django raises where there is no row is an AttributeError, too.
        seal: EventSeal | None = getattr(event, "seal", None)
        return (
            f"#{seal.sequence}, {date_format(seal.sealed_at, 'DATETIME_FORMAT')}" if seal else None
        )

    @admin.display(description=_("device"))
    def user_agent(self, event: Event) -> str | None:
        """Show what it was done with, unless that was erased."""
        return event.personal_values.get("user_agent")


@admin.register(DailyCount)
class DailyCountAdmin(RosterAdmin):
    """The figures behind the dashboard."""

    menu = MenuItem(Section.ACTIVITY, 4, "bar_chart")
    list_display = ("day", "tag", "count")
    list_filter = (("tag", ChoicesFilter), ("day", RangeDateFilter))
    ordering = ("-day", "tag")
    fields = ("day", "tag", "count")
