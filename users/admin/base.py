"""The base of all admin pages: permissions by our rules, and writes by services only.

Staff view, administrators change. A page is a `RosterAdmin`, which is read-only by default and
overrides `save_model` with one call of a service.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, Final, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, TextChoices
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold import admin as unfold

from core.errors import InputRejectedError, Problem
from core.security.actor import Actor, Rule
from core.web.request import ActorRequest
from users.admin.forms import ServiceForm
from users.admin.lists import BoundedFormSet, BoundedPaginator, RosterChangeList

# The search parameters of lists and of autocomplete fields.
SEARCHES: Final = (SEARCH_VAR, "term")
Field = TypeVar("Field", bound=Callable[..., Any])


class Section(TextChoices):
    """The parts of the menu, in its order."""

    PEOPLE = "people", _("People")
    ORGANIZATIONS = "organizations", _("Organisations")
    ACTIVITY = "activity", _("Activity")
    OPERATION = "operation", _("Operation")


@dataclass(frozen=True, slots=True)
class MenuItem:
    """Where the menu and the dashboard show a page; the icon is one of Material Symbols."""

    section: Section
    position: int
    icon: str


class AdminRequest(ActorRequest):
    """A request whose input a service may already have refused."""

    problems: Sequence[Problem]
    # The row of the page, after the key that it was read by.
    row: tuple[Any, Any]


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor of a request."""
    return cast("ActorRequest", request).actor


def cached_on_row(field: Field) -> Field:
    """Cache what a method returns for a row on that row: the theme calls it several times."""

    @wraps(field)
    def cached(self: Any, row: Any) -> Any:
        name = f"_shown_{field.__name__}"
        if name not in row.__dict__:
            row.__dict__[name] = field(self, row)
        return row.__dict__[name]

    return cast("Field", cached)


def is_staff(actor: Actor) -> bool:
    """Allow all who may enter the admin."""
    return actor.is_staff


def is_administrator(actor: Actor) -> bool:
    """Allow administrators only."""
    return actor.is_superuser


def never(_actor: Actor) -> bool:
    """Allow no actor."""
    return False


class _Rules:
    """Decides by rules about the actor, in the place of Django's model permissions."""

    may_view: Rule = staticmethod(is_staff)
    may_add: Rule = staticmethod(never)
    may_change: Rule = staticmethod(never)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the page in the menu of those who may view it."""
        return self.may_view(actor_of(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Decide by `may_view`."""
        return self.may_view(actor_of(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Decide by `may_add`, which refuses unless a page has a service for it."""
        return self.may_add(actor_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Decide by `may_change`, which refuses unless a page has a service for it."""
        return self.may_change(actor_of(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Refuse: rows are deleted by actions, which call services."""
        return False


class _NonAtomicAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Replaces Django's `changeform_view`, which opens a transaction.

    Services open their own, are durable and refuse to run inside another transaction. A form is
    saved by one call of one service, so it is still saved as a whole or not at all.

    A service can refuse input that the form accepted. Nothing was written then, so the form is
    processed a second time with the problems known, and Django shows it with them and with what
    was typed.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show or process the form; `admin_view` has checked the CSRF token."""
        try:
            return self._answer(request, object_id, form_url, extra_context)
        except InputRejectedError as refusal:
            cast("AdminRequest", request).problems = refusal.problems
            return self._answer(request, object_id, form_url, extra_context)

    def _answer(self, *args: Any) -> HttpResponse:
        response: HttpResponse = self._changeform_view(*args)  # type: ignore[attr-defined]
        return response


class RosterAdmin(_Rules, unfold.ModelAdmin, _NonAtomicAdmin):  # type: ignore[misc]
    """The page of a model, which staff may view."""

    menu: ClassVar[MenuItem]
    # Who may read a field, where not all who may view the row do.
    field_rules: ClassVar[Mapping[str, Rule]] = {}
    form = ServiceForm
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    compressed_fields = True
    actions = None

    @property
    def list_url(self) -> str:
        """The URL of the list."""
        return self._url("changelist")

    def page_url(self, key: Any) -> str:
        """Return the URL of the page of the row with this primary key."""
        return self._url("change", key)

    def _url(self, view: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}", args=args)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Limit the rows to those visible to the actor, by `visible_to` if the model has it."""
        queryset: QuerySet[Any] = super().get_queryset(request)
        visible_to = getattr(queryset, "visible_to", None)
        return visible_to(actor_of(request)) if visible_to else queryset

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Read the row once per request: the permission of each action needs it, too."""
        read = cast("AdminRequest", request)
        key = self.model, object_id, from_field
        if getattr(read, "row", (None, None))[0] != key:
            read.row = key, super().get_object(request, object_id, from_field)
        return read.row[1]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out the fields that the actor may not read."""
        return [
            (name, options | {"fields": self._readable(request, options["fields"])})
            for name, options in super().get_fieldsets(request, obj)
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave out the fields that the actor may not read."""
        return self._readable(request, super().get_list_display(request))

    def _readable(self, request: HttpRequest, fields: Sequence[Any]) -> list[Any]:
        """Drop fields by `field_rules`, and lines that have no field left."""
        actor = actor_of(request)
        hidden = {name for name, may_read in self.field_rules.items() if not may_read(actor)}
        lines = (
            field if isinstance(field, str) else tuple(name for name in field if name not in hidden)
            for field in fields
        )
        return [line for line in lines if line and line not in hidden]

    def get_paginator(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> BoundedPaginator:
        """Limit search results as the API does: a better search term finds the rest."""
        paginator = cast(
            "BoundedPaginator", super().get_paginator(request, queryset, *args, **kwargs)
        )
        if any(request.GET.get(name) for name in SEARCHES):
            paginator.limit = min(paginator.limit, BoundedPaginator.searched)
        return paginator

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow the parameters of the page's filters only.

        Django allows any condition on the model's own columns in the URL, such as on the first
        characters of a password hash.
        """
        for item in self.list_filter:
            if isinstance(item, tuple):
                own = (f"{item[0]}__", f"{item[0]}_from", f"{item[0]}_to")
                if lookup.startswith(own):
                    return bool(super().lookup_allowed(lookup, value, request))
            elif lookup == getattr(item, "parameter_name", None):
                return True
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Drop NUL, the one character that PostgreSQL's `text` cannot hold."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term.replace("\0", "")
        )
        return found

    def get_changelist(self, *_args: Any, **_kwargs: Any) -> type[ChangeList]:
        """Use the list that counts its rows once."""
        return cast("type[ChangeList]", RosterChangeList)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: Any = None, **kwargs: Any
    ) -> type[ServiceForm]:
        """Give the form the problems that a service found with this input."""
        form = cast("type[ServiceForm]", super().get_form(request, obj, change=change, **kwargs))
        form.problems = getattr(request, "problems", ())
        return form

    def save_model(self, *_args: Any, **_kwargs: Any) -> None:
        """Save by one call of one service, so that all of the form is saved or nothing.

        Two calls would be two transactions, and the second might be refused.
        """
        raise PermissionDenied

    def save_related(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: `save_model` passes related rows to its service."""

    def log_addition(self, *_args: Any, **_kwargs: Any) -> Any:
        """Do nothing: the service recorded an event, and one audit trail is enough."""

    def log_change(self, *_args: Any, **_kwargs: Any) -> Any:
        """Do nothing, as for an addition."""

    def history_view(self, *_args: Any, **_kwargs: Any) -> Any:
        """Respond with 404: Django's log stays empty, the events are the audit trail."""
        raise Http404


class ReadOnlyInline(_Rules, unfold.TabularInline):  # type: ignore[misc]
    """Rows of a related model, read-only and paginated."""

    formset = BoundedFormSet
    extra = 0
    per_page = 20
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, *_args: Any) -> Sequence[str]:
        """Return all fields, or Django looks for form fields."""
        fields: Sequence[str] = self.fields
        return fields
