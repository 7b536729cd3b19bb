"""What all admin pages have in common: whom they let in, and that they write through services.

Staff look, administrators change. An app's `admin.py` registers a `RosterAdmin`, which is
read-only until it says otherwise and overrides `save_model` with calls of services.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, Final, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet, TextChoices
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from unfold import admin as unfold
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.forms import PaginationInlineFormSet
from unfold.utils import parse_date_str
from unfold.views import ChangeList as UnfoldChangeList

from core.actor import Actor, Rule
from core.admin_filters import sift
from core.admin_forms import ServiceForm
from core.errors import DomainError, InputRejectedError, Problem, ReauthenticationRequiredError
from core.http import ActorRequest
from core.search.texts import MAX_CANDIDATES
from core.sought import first_rows, unconditional

# The parameters of lists, and of fields that find as one types.
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
    # The row of the page, and what it was asked for by.
    row: tuple[Any, Any]


def actor_of(request: HttpRequest) -> Actor:
    """Return who asks."""
    return cast("ActorRequest", request).actor


def asked_once(field: Field) -> Field:
    """Keep what the decorated method shows of a row: the theme asks several times for a field."""

    @wraps(field)
    def kept(self: Any, row: Any) -> Any:
        name = f"_shown_{field.__name__}"
        if name not in row.__dict__:
            row.__dict__[name] = field(self, row)
        return row.__dict__[name]

    return cast("Field", kept)


def gone_on(request: HttpRequest, url: str) -> HttpResponse:
    """Go on to a page after an action that was confirmed in the theme's dialog.

    The dialog's script would show a page that it is redirected to inside of the dialog.
    """
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than people leaf, so that a list of millions opens like one of a page.

    What lies beyond is for the search and the filters to find. Pages of what is `Sought` are
    found as the API finds them.
    """

    limit = 10_000
    # As far as the API goes for the best match.
    searched = MAX_CANDIDATES
    template_name = "admin/bounded_pagination.html"
    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        """Count the rows, up to the limit."""
        return self.object_list.order_by()[: self.limit].count()

    @property
    def is_cut_off(self) -> bool:
        """Whether there may be rows that no page shows."""
        return self.count == self.limit

    def page(self, number: Any) -> Page[Any]:
        """Find the page's keys, as the API finds a page, and then no rows but these.

        What is shown along with the rows is not read for those of the pages before.
        """
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        top = bottom + self.per_page
        found = first_rows(self.object_list, top, worth=self.searched)
        keys = found.values("pk")[bottom:]
        rows = unconditional(self.object_list).filter(pk__in=keys)
        return Page(rows, number, self)


class DayFilter(RangeDateFilter):  # type: ignore[misc]
    """Moments from the beginning of one day to the end of another, in the current time zone.

    The theme's own filter compares with naive midnights and so leaves out the last day.
    """

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Compare the plain column, for which there is an index."""
        bounds = {
            f"{self.field_path}__gte": self._moment("from", dt.time.min),
            f"{self.field_path}__lte": self._moment("to", dt.time.max),
        }
        return sift(queryset, Q(**{name: bound for name, bound in bounds.items() if bound}))

    def _moment(self, end: str, time: dt.time) -> dt.datetime | None:
        day = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "")
        return timezone.make_aware(dt.datetime.combine(day, time)) if day else None


class RosterChangeList(UnfoldChangeList):  # type: ignore[misc]
    """A list that calls its rows "results" only when it was searched or filtered."""

    def get_filters(self, request: HttpRequest) -> Any:
        """Spare `DISTINCT`, for which all rows would be read: our filters join to nothing."""
        specs, has_specs, rest, _may_have_duplicates, are_active = super().get_filters(request)
        return specs, has_specs, rest, False, are_active

    def get_results(self, request: HttpRequest) -> None:
        """Spare the second count: without a search, the first was of everything."""
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
        if not (self.query or self.has_active_filters):
            self.full_result_count = self.result_count


def staff(actor: Actor) -> bool:
    """Let in everybody who may enter the admin at all."""
    return actor.is_staff


def administrators(actor: Actor) -> bool:
    """Let in those who may do everything."""
    return actor.is_superuser


def nobody(_actor: Actor) -> bool:
    """Let nobody in."""
    return False


class _Rules:
    """Asks rules about the actor where Django would ask for model permissions."""

    may_view: Rule = staticmethod(staff)
    may_add: Rule = staticmethod(nobody)
    may_change: Rule = staticmethod(nobody)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the page in the menu of those who may look."""
        return self.may_view(actor_of(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Ask `may_view`."""
        return self.may_view(actor_of(request))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Ask `may_add`, which says no unless there is a service for it."""
        return self.may_add(actor_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Ask `may_change`, which says no unless there is a service for it."""
        return self.may_change(actor_of(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Say no: no service deletes."""
        return False


class _WithoutTransaction(admin.ModelAdmin):  # type: ignore[type-arg]
    """Takes the place of Django's `changeform_view`, which opens a transaction of its own.

    Services open theirs and are durable: what they return from is committed, and they refuse
    to run inside another transaction. Nothing is lost, because a form is saved by one of them
    and by nothing else.

    A service can refuse input that the form found in order. Nothing is written then, so the
    request is answered a second time, now with the problems known: the form adds them to its
    own and Django shows it again, with what was typed.
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
            try:
                return self._answer(request, object_id, form_url, extra_context)
            except InputRejectedError as refusal:
                cast("AdminRequest", request).problems = refusal.problems
                return self._answer(request, object_id, form_url, extra_context)
        except ReauthenticationRequiredError:
            # The site asks for the proof, and has the person come back.
            raise
        except DomainError as error:
            raise PermissionDenied(str(error.text)) from error

    def _answer(self, *args: Any) -> HttpResponse:
        response: HttpResponse = self._changeform_view(*args)  # type: ignore[attr-defined]
        return response


class RosterAdmin(_Rules, unfold.ModelAdmin, _WithoutTransaction):  # type: ignore[misc]
    """Rows that staff may look at."""

    menu: ClassVar[MenuItem]
    # Who may read a field, where that is not everybody who may look at the row.
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave it to `visible_to`, where the rows have it, who sees which."""
        queryset: QuerySet[Any] = super().get_queryset(request)
        visible_to = getattr(queryset, "visible_to", None)
        return visible_to(actor_of(request)) if visible_to else queryset

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Read the row once a request: each action on offer asks whether it is for this one."""
        read = cast("AdminRequest", request)
        key = self.model, object_id, from_field
        if getattr(read, "row", (None, None))[0] != key:
            read.row = key, super().get_object(request, object_id, from_field)
        return read.row[1]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what the reader may not read."""
        return [
            (name, options | {"fields": self._readable(request, options["fields"])})
            for name, options in super().get_fieldsets(request, obj)
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave out what the reader may not read."""
        return self._readable(request, super().get_list_display(request))

    def _readable(self, request: HttpRequest, fields: Sequence[Any]) -> list[Any]:
        """Drop fields by `field_rules`, and lines of fields that have none left."""
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
        """Go less far through what was searched for: whoever searches on, searches better."""
        paginator = cast(
            "BoundedPaginator", super().get_paginator(request, queryset, *args, **kwargs)
        )
        if any(request.GET.get(name) for name in SEARCHES):
            paginator.limit = min(paginator.limit, BoundedPaginator.searched)
        return paginator

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Keep to the filters on offer.

        Django would let the address bar ask for anything about a row's own columns, such as
        the beginning of its password's hash.
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
        """Drop the one character that PostgreSQL's text cannot hold."""
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term.replace("\0", "")
        )
        return found

    def get_changelist(self, *_args: Any, **_kwargs: Any) -> type[ChangeList]:
        """Use the list that counts once."""
        return cast("type[ChangeList]", RosterChangeList)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: Any = None, **kwargs: Any
    ) -> type[ServiceForm]:
        """Tell the form what a service found wrong with this very input."""
        form = cast("type[ServiceForm]", super().get_form(request, obj, change=change, **kwargs))
        form.problems = getattr(request, "problems", ())
        return form

    def save_model(self, *_args: Any, **_kwargs: Any) -> None:
        """Write by one call of one service, so that all of the form is saved or nothing.

        Two calls would be two transactions, of which the second might be refused.
        """
        raise PermissionDenied

    def save_related(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: `save_model` hands related rows to a service as well."""

    def log_addition(self, *_args: Any, **_kwargs: Any) -> Any:
        """Do nothing: the service recorded an event, and one audit trail is enough."""

    def log_change(self, *_args: Any, **_kwargs: Any) -> Any:
        """Do nothing, as for an addition."""

    def history_view(self, *_args: Any, **_kwargs: Any) -> Any:
        """Answer that there is none: Django's log stays empty, the events tell it all."""
        raise Http404


class _BoundedFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    """Pages like those of the lists."""

    def get_page(self, _paginator: Paginator, page: int) -> Page[Any]:  # type: ignore[type-arg]
        """Count no further than people leaf."""
        self.paginator = BoundedPaginator(self.queryset, self.per_page)
        found: Page[Any] = super().get_page(self.paginator, page)
        return found


class ReadOnlyInline(_Rules, unfold.TabularInline):  # type: ignore[misc]
    """Rows of another table, a page at a time, to look at."""

    formset = _BoundedFormSet
    extra = 0
    per_page = 20
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, *_args: Any) -> Sequence[str]:
        """Name all of them, or Django looks for form fields."""
        fields: Sequence[str] = self.fields
        return fields
