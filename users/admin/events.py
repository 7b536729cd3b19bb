"""The read-only pages of the audit trail and the analytics."""

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter

from core.errors import Text
from users.activity.models import COUNTS, Event, EventSeal, IntervalCounts
from users.admin.base import (
    MenuItem,
    RosterAdmin,
    Section,
    cached_on_row,
    exact_time,
    is_administrator,
)
from users.admin.devices import show_device
from users.admin.event_words import TAGS, details_of, tag_in_words
from users.admin.filters import ChoicesFilter, CreationDayFilter, RelatedFilter


def _username(path: str) -> Subquery:
    users = get_user_model().objects.filter(pk=OuterRef(path))
    return Subquery(users.values("username"))


def _user_link(username: str | None, user_id: UUID | None) -> str | None:
    """Return a link to the user, or the id if there is none."""
    if username is None:
        return str(user_id) if user_id else None
    url = reverse("admin:accounts_user_change", args=[user_id])
    return format_html('<a href="{}" class="text-link">{}</a>', url, username)


class TagFilter(ChoicesFilter):
    """Filters by a tag, in words and in their order."""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Return the theme's form, with the words of the tags."""
        tags = sorted((str(name), tag.value) for tag, name in TAGS.items())
        (shown,) = cast("Iterator[dict[str, Any]]", super().choices(changelist))
        shown["form"].fields[self.lookup_kwarg].choices = [
            self.all_option,
            *((tag, name) for name, tag in tags),
        ]
        yield shown


class ActorFilter(RelatedFilter):
    """Filters events by actor; an index serves it in the list's order."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Compare the actor."""
        (chosen,) = cast("list[str]", self.used_parameters.get(self.lookup_kwarg) or [""])
        try:
            return queryset.filter(actor_id=UUID(chosen)) if chosen else queryset
        except ValueError as error:
            raise IncorrectLookupParameters(error) from error


@admin.register(Event)
class EventAdmin(RosterAdmin):
    """The audit trail, newest first, for administrators."""

    menu = MenuItem(Section.ACTIVITY, 3, "history")
    empty_title = _("No events are recorded yet.")
    may_view = staticmethod(is_administrator)
    list_display = ("shown_tag", "actor_link", "subject_link", "reason", "time")
    list_filter = (
        ("tag", TagFilter),
        ("actor", ActorFilter),
        ("created_at", CreationDayFilter),
    )
    # Django shows the search box only if there are fields; `get_search_results` ignores them.
    search_fields = ("subject_id",)
    search_help_text = _("Username, e-mail address or id")
    # The primary key is the only index that serves the order of the whole table.
    sortable_by = ()
    ordering = ("-id",)
    fields = (
        *(("shown_tag", "time"), ("actor_link", "subject_link"), "shown_details"),
        *(("ip", "device"), ("session_id", "sealed"), "tag"),
    )
    readonly_fields = (
        *("shown_tag", "time", "actor_link", "subject_link", "shown_details"),
        *("ip", "device", "sealed"),
    )

    def title_of(self, row: Event) -> str:
        """Return what happened, in words, and when."""
        return f"{tag_in_words(row.tag)}, {exact_time(row.created_at)}"

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

    @admin.display(description=_("event"))
    def shown_tag(self, event: Event) -> Text:
        """Show what happened, in words."""
        return tag_in_words(event.tag)

    @admin.display(description=_("time"))
    def time(self, event: Event) -> str:
        """Show the time with seconds and zone."""
        return exact_time(event.created_at)

    @admin.display(description=_("reason"))
    def reason(self, event: Event) -> str | None:
        """Show the reason that an administrator gave, unless it was erased."""
        return event.personal_values.get("reason")

    @admin.display(description=_("details"))
    @cached_on_row
    def shown_details(self, event: Event) -> Any:
        """Show what changed: the former value and the new one, unless they were erased."""
        rows = list(details_of(event))
        return render_to_string("admin/event_details.html", {"rows": rows}) if rows else None

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
        return f"#{seal.sequence}, {exact_time(seal.sealed_at)}" if seal else None

    @admin.display(description=_("device"))
    def device(self, event: Event) -> Any:
        """Show the client's device, unless it was erased."""
        return show_device(event.personal_values.get("user_agent", ""))


@admin.register(IntervalCounts)
class IntervalCountsAdmin(RosterAdmin):
    """The counts behind the dashboard."""

    menu = MenuItem(Section.ACTIVITY, 4, "bar_chart")
    empty_title = _("Nothing is counted yet.")
    empty_text = _("Events are counted within two minutes.")
    list_display = ("start", "interval", "dimension", "segment", *COUNTS)
    list_filter = (
        ("interval", ChoicesFilter),
        ("dimension", ChoicesFilter),
        ("start", RangeDateFilter),
    )
    ordering = ("-start", "interval", "dimension", "segment")
    sortable_by = ("start",)
    fields = (
        *(("interval", "start"), ("dimension", "segment")),
        *(COUNTS[first : first + 2] for first in range(0, len(COUNTS), 2)),
    )
