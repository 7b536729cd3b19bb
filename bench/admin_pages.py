"""Every page of the admin, derived from its registry, so that new pages are included."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.test import Client
from django.urls import reverse

from users.admin.base import deny_all
from users.admin.filters import RelatedFilter

# Terms that match one user in seventeen, in a hundred, in ten thousand; two letters, one mailbox,
# all mailboxes, and no user.
TERMS: Final = (
    *("mar", "maria", "maria garcia", "1234567", "ma"),
    *("77777@example.org", "example", "qqq"),
)
FEW: Final = 5
DAYS: Final = ("1990-01-01", "2990-01-01")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's URL, its list and its kind."""

    list: str
    kind: str
    url: str


def pages(client: Client) -> Iterator[Page]:
    """Yield all pages; the client must be signed in as an administrator."""
    yield Page("overview", "list", reverse("admin:index"))
    for term in TERMS:
        url = f"{reverse('admin:search')}?{urlencode({'s': term})}"
        yield Page("palette", "search", url)
    for model_admin in admin.site._registry.values():  # noqa: SLF001 - Django's templates use it, too
        yield from _pages_of_list(model_admin, client)


def _pages_of_list(model_admin: Any, client: Client) -> Iterator[Page]:
    options = model_admin.opts
    name = str(options.verbose_name_plural)
    view = f"admin:{options.app_label}_{options.model_name}"
    base = reverse(f"{view}_changelist")
    cl = client.get(base).context["cl"]
    yield Page(name, "list", base)
    last = {PAGE_VAR: str(cl.paginator.num_pages)}
    asked: list[tuple[str, dict[str, str]]] = [("last page", last)]
    orders = [{ORDER_VAR: f"{sign}{column}"} for column in _orders(cl) for sign in ("", "-")]
    asked += [("order", order | page) for order in orders for page in ({}, last)]
    filters = list(chain.from_iterable(_values(spec) for spec in cl.filter_specs))
    searches = [{SEARCH_VAR: term} for term in TERMS] if cl.search_fields else []
    asked += [("filter", each) for each in filters]
    asked += [("search", each) for each in searches]
    common = searches[:1]
    asked += [("filter", each | order) for each in filters for order in orders[-1:]]
    asked += [("search", each | other) for each in common for other in (*filters, *orders)]
    asked += [("search", each | _last_page(client, base, each)) for each in common]
    for kind, parameters in asked:
        yield Page(name, kind, f"{base}?{urlencode(parameters)}")
    for row in cl.result_list[:1]:
        form = reverse(f"{view}_change", args=[row.pk])
        yield Page(name, "form", form)
        actions = client.get(form).context["actions_detail"]
        items = chain.from_iterable(action.get("items", [action]) for action in actions)
        yield from (Page(name, "form", item["path"]) for item in items if item["dialog"])
    if model_admin.may_add is not deny_all:
        yield Page(name, "form", reverse(f"{view}_add"))
    for field, term in ((field, term) for field in _related(model_admin) for term in ("", *TERMS)):
        parameters = {
            "app_label": options.app_label,
            "model_name": options.model_name,
            "field_name": field,
            "term": term,
        }
        yield Page(name, "choice", f"{reverse('admin:autocomplete')}?{urlencode(parameters)}")


def _last_page(client: Client, base: str, parameters: dict[str, str]) -> dict[str, str]:
    cl = client.get(base, parameters).context["cl"]
    return {PAGE_VAR: str(cl.paginator.num_pages)}


def _orders(cl: Any) -> Iterator[int]:
    for column, field in enumerate(cl.list_display):
        is_sortable = cl.sortable_by is None or field in cl.sortable_by
        if is_sortable and cl.get_ordering_field(field):
            yield column


def _values(spec: Any) -> Iterator[dict[str, str]]:
    """Yield a filter's parameters: the values of a short list, or a range's bounds."""
    names = [name for name in spec.expected_parameters() if not name.endswith("__isnull")]
    if any(name.endswith(("_from", "_to")) for name in names):
        for name in names:
            yield from ({name: day} for day in (*DAYS, "2026-06-01"))
        return
    name, *_others = names
    for value in _choices(spec):
        yield {name: value}


def _choices(spec: Any) -> Sequence[str]:
    field = getattr(spec, "field", None)
    if field is None:
        return [str(value) for value, _label in spec.lookup_choices]
    if field.is_relation:
        ids = field.related_model.objects.order_by("pk").values_list("pk", flat=True)
        return [str(ids[0]), str(ids.reverse()[0])]
    if field.flatchoices:
        return [str(value) for value, _label in field.flatchoices][:FEW]
    return ["1", "0"]


def _related(model_admin: Any) -> Iterator[str]:
    yield from model_admin.autocomplete_fields
    filtered = (item for item in model_admin.list_filter if isinstance(item, tuple))
    for name, kind in filtered:
        if issubclass(kind, RelatedFilter) and name not in model_admin.autocomplete_fields:
            yield name
