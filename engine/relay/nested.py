"""Connections below objects: one statement pages the lists of all parents of a level."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from django.db import models
from strawberry import Info
from strawberry_django.optimizer import optimizer

from engine.fields.loaders import Batch, DataLoader
from engine.internals.strawberry import core_info
from engine.plan.selection import SelectedField
from engine.relay.connection import KeysetConnection, Paged, given, paged_connection, selected
from engine.relay.errors import InvalidCursorError
from engine.relay.keyset import Keyset
from engine.relay.page_arguments import ARGUMENTS, PageArguments
from engine.relay.pager import ListCompanions, PageFacts
from engine.relay.selections import Optimizer
from engine.relay.total_count import ListSummary, TotalCount
from engine.relay.window import Window
from engine.sql.lateral import rows_to_read


def nested_connection(
    type_: type[KeysetConnection[Any]],
    *,
    parent: str,
    metadata: Mapping[str, Any] | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """Return a field that pages the list of each object.

    The resolver returns the lists of all objects as one queryset; ``parent`` is its foreign key to
    the object.
    """
    return paged_connection(
        type_, _NestedPaged(parent), metadata=metadata, deprecation_reason=deprecation_reason
    )


class _NestedPaged(Paged):
    """Resolves the connections of all objects of a level together."""

    parent: str

    def __init__(self, parent: str) -> None:
        super().__init__()
        self.parent = parent

    def scope(self, order: Keyset, selected: SelectedField, given: Mapping[str, Any]) -> str:
        """Return the scope of cursors, without the parent's key."""
        return _scope(self.type, order, given, selected.parent.name, selected.name)

    def connection(
        self, pager: PageArguments, page: PageFacts, scope: str, lists: ListCompanions, key: Any
    ) -> KeysetConnection[Any]:
        """Return the connection without its items; the first count counts all lists."""
        if "counts" not in lists.cached:
            counts: DataLoader[Any, TotalCount] = DataLoader(
                lambda keys: TotalCount.of_each(lists.rows(), self.parent, keys)
            )
            counts.expect(lists.keys)
            lists.cached["counts"] = counts
        return self.type.around(
            page, pager, scope, ListSummary(partial(lists.cached["counts"].load, key))
        )

    def resolve(
        self, next_: Callable[..., Any], source: models.Model, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Return the parent's page.

        Raises `PageArgumentsError` and `InvalidCursorError` as at the root. A cursor is valid for
        one parent, so all others refuse it.
        """
        raw = core_info(info)
        # Arguments and selections are those of the nodes, on each level.
        place = (raw.parent_type.name, *map(id, raw.field_nodes))

        def level() -> Batch[Any]:
            others = {name: value for name, value in kwargs.items() if name not in ARGUMENTS}
            with Optimizer.disabled():
                queryset = next_(source, info, **others)
            asked = _Level(
                type_=cast("type[KeysetConnection[Any]]", self.connection_type),
                parent=self.parent,
                arguments=PageArguments.of(kwargs),
                queryset=queryset,
                rows=_rows(queryset, info),
                info=info,
            )
            return Batch(type(source), ("pk",), asked.pages)

        return info.context.load(info.context.batch(place, level), source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """The connections of one field for all parents of a level."""

    type_: type[KeysetConnection[Any]]
    parent: str
    arguments: PageArguments
    queryset: models.QuerySet[Any]
    rows: models.QuerySet[Any]
    info: Info[Any, Any]

    def pages(self, _actor: Any, keys: Sequence[Any]) -> list[Any]:
        """Return the parents' connections; announce their rows as a level."""
        keyset = Keyset.of(self.queryset)
        raw = core_info(self.info)
        scope = _scope(self.type_, keyset, given(self.info), raw.parent_type.name, raw.field_name)
        windows: dict[Any, Window] = {}
        answers: dict[Any, KeysetConnection[Any] | InvalidCursorError] = {}
        for key in keys:
            try:
                windows[key] = self.arguments.window(f"{scope} {key}")
            except InvalidCursorError as error:
                answers[key] = error
        # A cursor is valid for one parent: there is one window, or all are equal.
        for window in list(windows.values())[:1]:
            pages = window.pages(
                self.queryset, parent=self.parent, keys=list(windows), rows=self.rows
            )
            self.info.context.expect(row for page in pages.values() for row in page.rows)
            counts = DataLoader(partial(TotalCount.of_each, self.queryset, self.parent))
            counts.expect(pages)
            for key, page in pages.items():
                count = partial(counts.load, key)
                answers[key] = self.type_.of(
                    page, self.arguments, keyset, f"{scope} {key}", ListSummary(count)
                )
        return [answers[key] for key in keys]


def _scope(
    type_: type[KeysetConnection[Any]],
    keyset: Keyset,
    arguments: Mapping[str, Any],
    parent: str,
    field: str,
) -> str:
    return f"{type_.scope(keyset, arguments)} of {parent}.{field}"


def _rows(queryset: models.QuerySet[Any], info: Info[Any, Any]) -> models.QuerySet[Any]:
    """Return a queryset that reads the rows as they are selected."""
    everything = rows_to_read(queryset).order_by(*queryset.query.order_by)
    return selected(cast("Optimizer", optimizer.get()).optimize(everything, info), info)
