"""Sessions, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from core.admin import DayFilter, MenuItem, Section
from users.accounts.admin import PersonalAdmin
from users.authentication.models import Session


@admin.register(Session)
class SessionAdmin(PersonalAdmin):
    """Who is signed in, and with what."""

    menu = MenuItem(Section.ACTIVITY, 1, "devices")
    list_display = ("user", "user_agent", "created_at", "expires_at")
    list_filter = (("user", AutocompleteSelectFilter), ("expires_at", DayFilter))
    ordering = ("-id",)
    sortable_by = ("expires_at",)
    fields = ("user", "user_agent", ("created_at", "expires_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Leave the digests where they are."""
        return super().get_queryset(request).defer("cookie_digest")
