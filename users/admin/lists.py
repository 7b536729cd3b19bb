"""Pagination and counting that stay fast on tables of any size."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from unfold.forms import PaginationInlineFormSet
from unfold.views import ChangeList as UnfoldChangeList

from core.database.search.texts import MAX_CANDIDATES
from engine.sql.filtered_page import first_rows, without_conditions


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts rows up to a limit, so that large tables cost no more.

    Search and filters find the rows beyond the limit. Conditions that are `UnindexedFilter` are
    executed as in the API's lists.
    """

    limit = 10_000
    # The limit of search results; the API ranks as many candidates.
    searched = MAX_CANDIDATES
    template_name = "admin/bounded_pagination.html"
    object_list: QuerySet[Any]

    @cached_property
    def _counted(self) -> int:
        return self.object_list.order_by()[: self.limit + 1].count()

    @property
    def count(self) -> int:
        """The number of rows, up to the limit."""
        return min(self._counted, self.limit)

    @property
    def is_cut_off(self) -> bool:
        """Whether there are rows that no page shows."""
        return self._counted > self.limit

    @property
    def count_text(self) -> str:
        """The number of rows as a text, which says so if there are more."""
        number = number_format(self.count)
        return gettext("more than %(number)s") % {"number": number} if self.is_cut_off else number

    def page(self, number: Any) -> Page[Any]:
        """Read the keys of the page first, then the rows with these keys.

        Joins and annotations are thus not computed for the rows that `OFFSET` skips.
        """
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        end = start + self.per_page
        found = first_rows(self.object_list, end)
        keys = found.values("pk")[start:]
        rows = without_conditions(self.object_list).filter(pk__in=keys)
        return Page(rows, number, self)


class RosterChangeList(UnfoldChangeList):  # type: ignore[misc]
    """A change list without Django's second count and without `DISTINCT`."""

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter is active."""
        return bool(self.query or self.has_active_filters)

    @property
    def result_text(self) -> str:
        """The number of results of the search and the filters."""
        text = ngettext("%(count)s result", "%(count)s results", self.result_count)
        return text % {"count": capfirst(self.paginator.count_text)}

    def get_filters(self, request: HttpRequest) -> Any:
        """Omit `DISTINCT`, which would read all rows: our filters join no tables."""
        specs, has_specs, rest, _may_have_duplicates, are_active = super().get_filters(request)
        return specs, has_specs, rest, False, are_active

    def get_results(self, request: HttpRequest) -> None:
        """Skip the second count: without a search or filter it equals the first."""
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
        if not self.is_narrowed:
            self.full_result_count = self.result_count


class BoundedFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    """Paginates related rows with a bounded count."""

    def get_page(self, _paginator: Paginator, page: int) -> Page[Any]:  # type: ignore[type-arg]
        """Return a page of a `BoundedPaginator`."""
        self.paginator = BoundedPaginator(self.queryset, self.per_page)
        found: Page[Any] = super().get_page(self.paginator, page)
        return found
