"""The first children of each of many parents, in one statement.

The parents' keys are joined laterally with a subquery that an index serves, so no more rows are
read than returned. A window function would number all children of each parent.
"""

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from django.contrib.postgres.expressions import ArraySubquery
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.sql.compiler import SQLCompiler

from engine.sql.keys import equals_any
from engine.sql.statements import Param

# The annotation with the key of a row's parent.
PARENT = "lateral_parent"


def fetch_first_children(
    queryset: QuerySet[Any], *, parent: str, keys: Sequence[Any], limit: int, rows: QuerySet[Any]
) -> dict[Any, list[Any]]:
    """Return the rows that `first_children` finds, by the parent's key, in one statement."""
    found: dict[Any, list[Any]] = {each: [] for each in keys}
    for row in first_children(queryset, parent=parent, keys=keys, limit=limit, rows=rows):
        found[getattr(row, PARENT)].append(row)
    return found


def rows_to_read(queryset: QuerySet[Any]) -> QuerySet[Any]:
    """Return the ``rows`` of `first_children` for a queryset.

    Its conditions are left out, unless it has annotations, which Django cannot move elsewhere.
    """
    if queryset.query.annotations:
        return queryset
    everything: QuerySet[Any] = queryset.model._base_manager.all()
    return everything


def first_children_of_one(
    queryset: QuerySet[Any], *, parent: str, key: Any, limit: int
) -> QuerySet[Any, Any]:
    """Return the first ``limit`` rows of one parent; ``key`` may be a bind parameter.

    It finds the rows of `first_children` by the same index, and reads each once.
    """
    attname = _foreign_key(queryset, parent).attname
    return queryset.filter(**{attname: key}).annotate(**{PARENT: F(attname)})[:limit]


def first_children(
    queryset: QuerySet[Any],
    *,
    parent: str,
    keys: Sequence[Any] | Param,
    limit: int,
    rows: QuerySet[Any],
) -> QuerySet[Any]:
    """Return the first ``limit`` rows of each parent, in the queryset's order, as one queryset.

    ``parent`` is the foreign key that leads from the queryset's model to the parents, and with
    which each row is annotated as `PARENT`; ``keys`` are the parents', or a bind parameter
    for them. The queryset selects the rows; ``rows``, of the same model, reads them, with its joins
    and prefetches. It need not repeat the queryset's conditions: they would exclude nothing, and
    PostgreSQL might start with them.

    An index that begins with the parent and goes on in the order keeps what is read to what is
    returned, unless another index has this order without the parent and tempts PostgreSQL.
    """
    field = _foreign_key(queryset, parent)
    key = Func(template="parent.key", output_field=field.target_field)
    some = queryset.filter(**{field.attname: key}).values("pk")[:limit]
    rows = rows.filter(equals_any("pk", _LateralKeys(some, field, keys)))
    return rows.annotate(**{PARENT: F(field.attname)}).order_by(*queryset.query.order_by)


def count_children(
    queryset: QuerySet[Any], *, parent: str, keys: Collection[Any], limit: int
) -> dict[Any, int]:
    """Return how many rows each parent has, counted up to ``limit``, by the parent's key."""
    field = _foreign_key(queryset, parent)
    some = _children(queryset, field, OuterRef("pk"))[:limit]
    parents = _parents(field).filter(pk__in=keys)
    return dict.fromkeys(keys, 0) | dict(parents.values_list("pk", _Count(some)))


def estimate_children(
    queryset: QuerySet[Any], *, parent: str, keys: Collection[Any]
) -> dict[Any, int]:
    """Return how many rows PostgreSQL's planner expects each parent to have, by its key."""
    field = _foreign_key(queryset, parent)
    lists = {
        f"list_{number}": ArraySubquery(_children(queryset, field, key))
        for number, key in enumerate(keys)
    }
    (plan,) = orjson.loads(_parents(field).values(**lists).explain(format="json"))
    # An InitPlan each, in their order, because none depends on a row.
    plans = [each for each in plan["Plan"]["Plans"] if each["Parent Relationship"] == "InitPlan"]
    return {key: each["Plan Rows"] for key, each in zip(keys, plans, strict=True)}


class _LateralKeys(Subquery):
    """An array of what the subquery finds for each `parent.key`; PostgreSQL computes it once.

    Django renames the tables of a subquery, so that none of them is called `parent`.
    """

    template = (
        "ARRAY(SELECT child.key FROM unnest(%%s::%(type)s[]) AS parent(key)"
        " CROSS JOIN LATERAL (%(subquery)s) AS child(key))"
    )

    def __init__(
        self, queryset: QuerySet[Any], foreign_key: Any, keys: Sequence[Any] | Param
    ) -> None:
        super().__init__(queryset)
        self.foreign_key, self.keys = foreign_key, keys

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, Sequence[Any]]:
        sql, params = super().as_sql(
            compiler, connection, type=self.foreign_key.db_type(connection)
        )
        return sql, (self._keys(connection), *params)

    def _keys(self, connection: BaseDatabaseWrapper) -> Any:
        if isinstance(self.keys, Param):
            return self.keys
        return [self.foreign_key.get_db_prep_value(key, connection) for key in self.keys]


class _Count(Subquery):
    """The number of rows of a subquery, up to its limit."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()
    # An empty queryset is not executed.
    empty_result_set_value = 0


def _foreign_key(queryset: QuerySet[Any], name: str) -> Any:
    return queryset.model._meta.get_field(name)


def _parents(field: Any) -> QuerySet[Any]:
    return field.related_model._base_manager.all()


def _children(queryset: QuerySet[Any], field: Any, key: Any) -> QuerySet[Any]:
    return queryset.order_by().filter(**{field.attname: key}).values("pk")
