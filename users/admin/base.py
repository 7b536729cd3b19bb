"""The base of all admin pages: rule-based permissions, and writes through services only.

Staff view pages, administrators change rows. A page is a `RosterAdmin`, which is read-only by
default; an editable page overrides `save_model` with one service call.
"""

import datetime as dt
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
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from unfold import admin as unfold

from core.errors import InputRejectedError, Problem, Text
from core.security.actor import Actor, Rule
from core.web.request import ActorRequest
from users.admin.forms import ServiceForm
from users.admin.lists import BoundedFormSet, BoundedPaginator, RosterChangeList

# The search parameters of lists and of autocomplete fields.
SEARCHES: Final = (SEARCH_VAR, "term")
Field = TypeVar("Field", bound=Callable[..., Any])


class Section(TextChoices):
    """The sections of the menu, in display order."""

    PEOPLE = "people", _("People")
    ORGANIZATIONS = "organizations", _("Organisations")
    ACTIVITY = "activity", _("Activity")
    OPERATION = "operation", _("Operation")


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A page's place in the menu and on the dashboard.

    ``icon`` is the name of a Material Symbol.
    """

    section: Section
    position: int
    icon: str


class AdminRequest(ActorRequest):
    """A request with state that is kept while the page is processed."""

    # The problems with which a service rejected the input of the form.
    problems: Sequence[Problem]
    # The key that `get_object` was called with, and the row.
    row: tuple[Any, Any]


def actor_of(request: HttpRequest) -> Actor:
    """Return the actor of a request."""
    return cast("ActorRequest", request).actor


def cached_on_row(field: Field) -> Field:
    """Cache a method's result on the row: the theme evaluates each column several times."""

    @wraps(field)
    def cached(self: Any, row: Any) -> Any:
        name = f"_shown_{field.__name__}"
        if name not in row.__dict__:
            row.__dict__[name] = field(self, row)
        return row.__dict__[name]

    return cast("Field", cached)


def exact_time(moment: dt.datetime) -> str:
    """Return a time with its seconds and its zone."""
    local = timezone.localtime(moment)
    return f"{date_format(local, 'DATE_FORMAT')}, {local:%H:%M:%S %Z}"


def is_staff(actor: Actor) -> bool:
    """Allow staff, including administrators."""
    return actor.is_staff


def is_administrator(actor: Actor) -> bool:
    """Allow administrators only."""
    return actor.is_superuser


def deny_all(_actor: Actor) -> bool:
    """Allow no actor."""
    return False


class _Rules:
    """Replaces Django's model permissions with rules about the actor."""

    may_view: Rule = staticmethod(is_staff)
    may_add: Rule = staticmethod(deny_all)
    may_change: Rule = staticmethod(deny_all)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the page in the menu if the actor may view it."""
        return self.may_view(actor_of(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Decide by `may_view`."""
        return self.may_view(actor_of(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Decide by `may_add`, which denies by default."""
        return self.may_add(actor_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Decide by `may_change`, which denies by default."""
        return self.may_change(actor_of(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Deny: rows are deleted by actions, which call services."""
        return False


class _NonAtomicAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Replaces Django's `changeform_view`, which opens a transaction.

    Services open their own durable transaction, which cannot be nested. Saving stays atomic because
    a form is saved by one service call.

    A service can reject input that the form accepted. Nothing was written then, so the request is
    processed a second time with the problems, and Django shows the form with the errors and the
    input.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show or process the form; `admin_view` has already checked the CSRF token."""
        try:
            return self._process(request, object_id, form_url, extra_context)
        except InputRejectedError as refusal:
            cast("AdminRequest", request).problems = refusal.problems
            return self._process(request, object_id, form_url, extra_context)

    def _process(self, *args: Any) -> HttpResponse:
        response: HttpResponse = self._changeform_view(*args)  # type: ignore[attr-defined]
        return response


class _TitledRow(SimpleLazyObject):  # type: ignore[type-arg]
    """A row whose text is a title, for the theme's breadcrumbs."""

    def __init__(self, row: Any, title: str) -> None:
        """Show ``row`` as ``title``."""
        super().__init__(lambda: row)
        self.__dict__["title"] = title

    def __str__(self) -> str:
        """Return the title."""
        return cast("str", self.__dict__["title"])


class RosterAdmin(_Rules, unfold.ModelAdmin, _NonAtomicAdmin):  # type: ignore[misc]
    """A model's list and detail pages; staff may view them."""

    menu: ClassVar[MenuItem]
    # The rules of fields that not every viewer of the row may read.
    field_rules: ClassVar[Mapping[str, Rule]] = {}
    form = ServiceForm
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    # What an empty list means, and the next step if there is one.
    empty_title: ClassVar[Text] = _("There is nothing here yet.")
    empty_text: ClassVar[Text] = ""
    compressed_fields = True
    # Of selected rows, by the names of methods.
    actions: Sequence[str] | None = None
    change_form_before_template = "admin/add_heading.html"
    # What happens when a row is added, shown above the form.
    add_text: ClassVar[Text] = ""

    @property
    def list_url(self) -> str:
        """The URL of the list."""
        return self._url("changelist")

    def title_of(self, row: Any) -> str:
        """Return the name of a row in the title and the breadcrumbs of its page."""
        return str(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Name the row by `title_of`."""
        row = context["original"]
        if row is not None:
            title = self.title_of(row)
            context |= {"original": _TitledRow(row, title), "subtitle": title}
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def page_url(self, key: Any) -> str:
        """Return the URL of the page of the row with this primary key."""
        return self._url("change", key)

    def _url(self, view: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}", args=args)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Limit the rows to those visible to the actor, if the model has `visible_to`."""
        queryset: QuerySet[Any] = super().get_queryset(request)
        visible_to = getattr(queryset, "visible_to", None)
        return visible_to(actor_of(request)) if visible_to else queryset

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Read the row once per request: the permission check of each action reads it, too."""
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
        """Drop fields by `field_rules`, and lines that become empty."""
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
        """Limit search results as the API does; a narrower term finds the rest."""
        paginator = cast(
            "BoundedPaginator", super().get_paginator(request, queryset, *args, **kwargs)
        )
        if any(request.GET.get(name) for name in SEARCHES):
            paginator.limit = min(paginator.limit, BoundedPaginator.searched)
        return paginator

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only the parameters of the page's filters.

        Django also allows any lookup on the model's own columns, for example `startswith` on a
        password hash.
        """
        for item in self.list_filter:
            if isinstance(item, tuple):
                prefixes = (f"{item[0]}__", f"{item[0]}_from", f"{item[0]}_to")
                if lookup.startswith(prefixes):
                    return bool(super().lookup_allowed(lookup, value, request))
            elif lookup == getattr(item, "parameter_name", None):
                return True
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Drop NUL characters, which PostgreSQL's `text` cannot store."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term.replace("\0", "")
        )
        return found

    def get_changelist(self, *_args: Any, **_kwargs: Any) -> type[ChangeList]:
        """Return `RosterChangeList`, which counts the rows once."""
        return cast("type[ChangeList]", RosterChangeList)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: Any = None, **kwargs: Any
    ) -> type[ServiceForm]:
        """Pass the problems that a service found in this input to the form."""
        form = cast("type[ServiceForm]", super().get_form(request, obj, change=change, **kwargs))
        form.problems = getattr(request, "problems", ())
        return form

    def save_model(self, *_args: Any, **_kwargs: Any) -> None:
        """Refuse; an editable page overrides this with one service call.

        Two calls would be two transactions: if the second failed, half of the form would be saved.
        """
        raise PermissionDenied

    def save_related(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: the service that `save_model` calls writes related rows, too."""

    def log_addition(self, *_args: Any, **_kwargs: Any) -> Any:
        """Do nothing: the service records an event, which is the only audit trail."""

    def log_change(self, *_args: Any, **_kwargs: Any) -> Any:
        """Do nothing: the service records an event, which is the only audit trail."""

    def history_view(self, *_args: Any, **_kwargs: Any) -> Any:
        """Respond with 404: Django's log stays empty."""
        raise Http404


class ReadOnlyInline(_Rules, unfold.TabularInline):  # type: ignore[misc]
    """Rows of a related model, read-only and paginated."""

    formset = BoundedFormSet
    extra = 0
    per_page = 20
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, *_args: Any) -> Sequence[str]:
        """Return all fields; otherwise Django expects form fields of these names."""
        fields: Sequence[str] = self.fields
        return fields
