"""Pages of rows whose order is served by one index and whose filter by others.

PostgreSQL has two plans for the first rows of a filtered list: scan along the order and test each
row, which is slow if matches are rare or far away; or find all matches and sort them, which is slow
if there are many. It chooses by estimates. Where order and filter correlate, as usernames and names
do, the estimate can be wrong by a factor of thousands. So one statement decides by counting:

1. It scans a bounded number of rows along the order: a few, and more if these promise to fill the
   page. If that does not fill the page,
2. it finds all matches, each alternative of an `or` by its own index, and sorts them. If they are
   more than a few in a hundred of all rows,
3. it scans along the order, where the next match cannot be far.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice, product
from typing import Any, ClassVar, Final, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db.models import (
    BooleanField,
    Exists,
    Expression,
    F,
    Func,
    Model,
    Q,
    QuerySet,
    TextField,
)
from django.db.models.expressions import RawSQL, ResolvedOuterRef
from django.db.models.lookups import Exact, Lookup
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.where import AND, WhereNode

from engine.sql.unindexed_filter import UnindexedFilter

M = TypeVar("M", bound=Model)

# Enough to fill a page of fifty if one row in a hundred matches.
LOOK_AHEAD: Final = 6_000
# The look-ahead has so many parts; the first decides whether to scan the others.
PARTS: Final = 6
# One match in so many rows is too many to sort, unless a scan would pass as many rows.
MANY: Final = 50
# With more alternatives the condition is not split.
MAX_ALTERNATIVES: Final = 10
# A materialized CTE is planned as if read completely, and is read only up to the limit. The tables
# with rows are the partitions, or the table itself, which then is in no partition tree.
STATEMENT: Final = """
    WITH slice(id, hit) AS MATERIALIZED ({slice}),
    glance AS MATERIALIZED (
        SELECT id FROM (SELECT * FROM slice LIMIT {look_ahead} / {parts}) AS first
        WHERE hit LIMIT {limit}
    ),
    enough(number) AS MATERIALIZED (
        SELECT {look_ahead} / CASE WHEN count(*) * {parts} < {limit} THEN {parts} ELSE 1 END
        FROM glance
    ),
    ahead AS MATERIALIZED (SELECT * FROM slice LIMIT (SELECT number FROM enough)),
    near AS MATERIALIZED (SELECT id FROM ahead WHERE hit LIMIT {limit}),
    is_near(answer) AS MATERIALIZED (
        SELECT (SELECT count(*) FROM near) = {limit}
            OR (SELECT count(*) FROM ahead) < (SELECT number FROM enough)
    ),
    many(number) AS MATERIALIZED (
        SELECT greatest(
            sum(reltuples) / {many}, sqrt(sum(greatest(reltuples, 0)) * {limit}), {look_ahead}
        )::bigint
        FROM pg_class WHERE relkind = 'r' AND oid = ANY (ARRAY(
            SELECT '{table}'::regclass UNION ALL SELECT relid FROM pg_partition_tree('{table}')
        ))
    ),
    found(place) AS MATERIALIZED ({found}),
    few AS MATERIALIZED (
        SELECT place FROM found WHERE NOT (SELECT answer FROM is_near)
        LIMIT (SELECT number FROM many)
    ),
    is_few(answer) AS MATERIALIZED (
        SELECT (SELECT count(*) FROM few) < (SELECT number FROM many)
    )
    SELECT id FROM near WHERE (SELECT answer FROM is_near)
    UNION ALL (SELECT id FROM ({sorted}) AS sorted(id) WHERE (SELECT answer FROM is_few))
    UNION ALL (SELECT id FROM ({along}) AS along(id) WHERE NOT (SELECT answer FROM is_few))
"""
# The subquery's limit keeps PostgreSQL from hashing all of its rows for a few thousand tests.
TRY_ONE: Final = "EXISTS(SELECT 1 FROM (%(subquery)s) AS tried)"


class BoundedOrder:
    """Mixin for an ordering expression that is too slow for all rows."""

    # How many rows are ordered at most.
    candidates: ClassVar[int]


class _RowLocation(Expression):
    """The location of a row (`ctid`), to read it again without an index."""

    output_field = TextField()

    def as_sql(self, compiler: SQLCompiler, _connection: Any) -> tuple[str, tuple[()]]:
        """Return PostgreSQL's system column."""
        return f"{compiler.query.get_initial_alias()}.ctid", ()


def _location(model: type[Model]) -> Expression | F:
    """Return what finds a row of the model again.

    Rows of different partitions may have the same `ctid`.
    """
    return F("pk") if getattr(model, "is_partitioned", False) else _RowLocation()


class _WithoutIndex(Func):
    """The value of a column, in a form that no index serves."""

    template = "(SELECT %(expressions)s)"


class _IsAmongMatches(Func):
    """Whether a location is among the matches; in this form PostgreSQL reads no other row."""

    template = "%(expressions)s = ANY (ARRAY(SELECT place FROM few))"
    output_field = BooleanField()


def first_rows(rows: QuerySet[M], limit: int) -> QuerySet[M]:
    """Return the first rows, as slicing does, of an ordered queryset.

    Conditions that are an `UnindexedFilter` are tested along the order, or else searched by their
    own indexes.
    """
    unindexed = [node for node in _conditions(rows.query.where) if _is_unindexed(node)]
    if not unindexed or rows.query.is_empty():
        return rows[:limit]
    condition = Q(*(node.lhs.condition for node in unindexed))
    others = [node for node in _conditions(rows.query.where) if not _is_unindexed(node)]
    rest = _with_conditions(rows, others)
    hit = _as_row_test(UnindexedFilter(condition))
    # Without the tables that are joined for the order.
    plain = rows.model._base_manager.order_by()
    place = _location(rows.model)
    apart = [plain.filter(each).values_list(place) for each in _alternatives(condition)]
    parts: dict[str, QuerySet[Any, Any]] = {
        "slice": rest.annotate(hit=hit).values_list("pk", "hit")[:LOOK_AHEAD],
        "found": apart[0].union(*apart[1:], all=True),
        "sorted": rest.filter(_IsAmongMatches(place)).values_list("pk")[:limit],
        "along": rows.values_list("pk")[:limit],
    }
    try:
        compiled = {name: part.query.sql_with_params() for name, part in parts.items()}
    except EmptyResultSet:
        return rows.none()
    statement = STATEMENT.format(
        table=rows.model._meta.db_table,
        many=MANY,
        look_ahead=LOOK_AHEAD,
        parts=PARTS,
        limit=int(limit),
        **{name: sql for name, (sql, _params) in compiled.items()},
    )
    # In the order of the statement.
    params = [param for _sql, some in compiled.values() for param in some]
    ids = RawSQL(statement, params)  # noqa: S611 - Django's own, and the parameters are apart
    return without_conditions(rows).filter(pk__in=ids)[:limit]


def without_conditions(rows: QuerySet[M]) -> QuerySet[M]:
    """Return the queryset in its order without its conditions."""
    return _with_conditions(rows, [])


def candidates(rows: QuerySet[M]) -> QuerySet[M]:
    """Return the rows to order: all, unless the order is a `BoundedOrder`."""
    limit = _limit(rows)
    if limit is None:
        return rows
    return without_conditions(rows).filter(pk__in=rows.order_by().values("pk")[:limit])


def is_truncated(rows: QuerySet[M]) -> bool:
    """Return whether `candidates` omits rows."""
    limit = _limit(rows)
    return limit is not None and rows.order_by().values("pk")[limit : limit + 1].exists()


def _limit(rows: QuerySet[M]) -> int | None:
    expressions = (getattr(term, "expression", None) for term in rows.query.order_by)
    return next((each.candidates for each in expressions if isinstance(each, BoundedOrder)), None)


def _alternatives(condition: Any) -> list[Any]:
    """Return conditions of which one holds if and only if the whole does.

    An `or` is split if each of its parts is an `UnindexedFilter`, which has an index of its own.
    """
    if isinstance(condition, UnindexedFilter):
        return _alternatives(condition.condition)
    if not isinstance(condition, Q) or condition.negated:
        return [condition]
    if condition.connector == Q.OR:
        apart = all(isinstance(child, UnindexedFilter) for child in condition.children)
        return list(chain(*map(_alternatives, condition.children))) if apart else [condition]
    combinations = product(*map(_alternatives, condition.children))
    some = [Q(*each) for each in islice(combinations, MAX_ALTERNATIVES + 1)]
    return some if len(some) <= MAX_ALTERNATIVES else [condition]


def _as_row_test(condition: Any) -> Any:
    """Return the condition in a form to test row by row."""
    if isinstance(condition, UnindexedFilter):
        return UnindexedFilter(_as_row_test(condition.condition))
    copy = condition.copy() if hasattr(condition, "copy") else condition
    if isinstance(copy, Q):
        copy.children = [_as_row_test(child) for child in copy.children]
    elif isinstance(copy, Exists):
        copy.template = TRY_ONE
        if any(_is_by_row(each) for each in _conditions(copy.query.where)):
            copy.query = copy.query.clone()
            _find_by_row(copy.query.where)
    return copy


def _is_by_row(node: Any) -> bool:
    """Return whether a condition of a subquery compares with the outer row."""
    # Not `isinstance`, which a `Param` refuses.
    return isinstance(node, Lookup) and type(node.rhs) is ResolvedOuterRef


def _find_by_row(where: WhereNode) -> None:
    """Have the rows of a subquery found by the outer row alone.

    PostgreSQL would find them by the value if it expected few of it. Of a value that its statistics
    do not know, such as a new group, it expects one, and would read all of them for each row.
    """
    for place, child in enumerate(where.children):
        if isinstance(child, WhereNode):
            _find_by_row(child)
        elif isinstance(child, Lookup) and not _is_by_row(child):
            where.children[place] = apart = child.copy()
            apart.lhs = _WithoutIndex(child.lhs, output_field=child.lhs.output_field)


def _conditions(where: WhereNode) -> Iterator[Any]:
    """Yield the conditions that are joined by `AND`."""
    for node in where.children:
        if isinstance(node, WhereNode) and node.connector == AND and not node.negated:
            yield from _conditions(node)
        else:
            yield node


def _is_unindexed(node: Any) -> bool:
    return isinstance(node, Exact) and isinstance(node.lhs, UnindexedFilter)


def _with_conditions(rows: QuerySet[M], conditions: Iterable[Any]) -> QuerySet[M]:
    """Return the queryset with these conditions in place of its own."""
    clone = rows.all()
    clone.query.where = WhereNode(list(conditions), AND)
    return clone
