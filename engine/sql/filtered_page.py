"""Pages of rows that are ordered by one index and sought by others.

PostgreSQL has two ways to the first rows, in an order, that meet a condition: to go along the
order and try each row, which takes for ever if what is sought is rare or far away, or to find
all that meet the condition and sort them, which takes long if they are many. It guesses which;
where the order and the condition have to do with each other, as usernames and names have, the
guess can be wrong by a factor of thousands. So we do not let it guess. One statement

1. looks at a bounded number of rows along the order: a few, and more if these promise to fill the
   page; or else
2. finds all that meet the condition, each alternative of an `or` by itself, and sorts them, unless
   they are more than a few in a hundred of all rows; or else
3. goes along the order, where the next of them cannot be far.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice, product
from typing import Any, ClassVar, Final, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db.models import BooleanField, Exists, Expression, Func, Model, Q, QuerySet, TextField
from django.db.models.expressions import RawSQL
from django.db.models.lookups import Exact
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.where import AND, WhereNode

from engine.sql.unindexed_filter import UnindexedFilter

M = TypeVar("M", bound=Model)

# Enough to fill a page of fifty with what one in a hundred meets.
LOOK_AHEAD: Final = 6_000
# The first of so many parts tells whether it is worth while to look at the others.
PARTS: Final = 6
# One in so many rows are too many to sort, unless as many would have to be passed along the order.
MANY: Final = 50
# More alternatives are not found each by itself.
MAX_ALTERNATIVES: Final = 10
# A materialized expression is planned to be read as a whole, yet read only as far as it is asked.
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
            reltuples / {many}, sqrt(greatest(reltuples, 0) * {worth}), {look_ahead}
        )::bigint
        FROM pg_class WHERE oid = '{table}'::regclass
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
# The limit inside keeps PostgreSQL from hashing all that could exist, for a few thousand tries.
TRY_ONE: Final = "EXISTS(SELECT 1 FROM (%(subquery)s) AS tried)"


class BoundedOrder:
    """An expression to order by that is too slow for all rows: mix it into an expression."""

    # How many rows are ordered at most.
    candidates: ClassVar[int]


class _RowLocation(Expression):
    """Where a row is in its table, to read it again without an index."""

    output_field = TextField()

    def as_sql(self, compiler: SQLCompiler, _connection: Any) -> tuple[str, tuple[()]]:
        """Name PostgreSQL's column."""
        return f"{compiler.query.get_initial_alias()}.ctid", ()


class _IsAmongMatches(Func):
    """Whether a place is one of those found; in this form, no other place is looked at."""

    template = "%(expressions)s = ANY (ARRAY(SELECT place FROM few))"
    output_field = BooleanField()


def first_rows(rows: QuerySet[M], limit: int, *, worth: int = 0) -> QuerySet[M]:
    """Return the first rows, as slicing does, of an ordered queryset.

    As many matches are sorted as are worth it for ``worth`` rows, if that is more than the limit.

    If some of its conditions are `Sought`, they are met by the rows next to come or else by
    whatever way PostgreSQL has to all rows that meet them.
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
    apart = [plain.filter(each).values_list(_RowLocation()) for each in _alternatives(condition)]
    parts: dict[str, QuerySet[Any, Any]] = {
        "slice": rest.annotate(hit=hit).values_list("pk", "hit")[:LOOK_AHEAD],
        "found": apart[0].union(*apart[1:], all=True),
        "sorted": rest.filter(_IsAmongMatches(_RowLocation())).values_list("pk")[:limit],
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
        worth=max(int(limit), worth),
        **{name: sql for name, (sql, _params) in compiled.items()},
    )
    # In the order of the statement.
    params = [param for _sql, some in compiled.values() for param in some]
    ids = RawSQL(statement, params)  # noqa: S611 - Django's own, and the parameters are apart
    return without_conditions(rows).filter(pk__in=ids)[:limit]


def without_conditions(rows: QuerySet[M]) -> QuerySet[M]:
    """Return what the queryset selects, in its order, whatever the rows meet."""
    return _with_conditions(rows, [])


def candidates(rows: QuerySet[M]) -> QuerySet[M]:
    """Return the rows that are worth ordering: all, unless their order is a `Rank`."""
    limit = _limit(rows)
    if limit is None:
        return rows
    return without_conditions(rows).filter(pk__in=rows.order_by().values("pk")[:limit])


def is_truncated(rows: QuerySet[M]) -> bool:
    """Return whether `candidates` leaves some out."""
    limit = _limit(rows)
    return limit is not None and rows.order_by().values("pk")[limit : limit + 1].exists()


def _limit(rows: QuerySet[M]) -> int | None:
    expressions = (getattr(term, "expression", None) for term in rows.query.order_by)
    return next((each.candidates for each in expressions if isinstance(each, BoundedOrder)), None)


def _alternatives(condition: Any) -> list[Any]:
    """Return conditions of which one holds if and only if the whole does.

    An `or` is taken apart if each of its parts is `Sought`, which says that it has an index.
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
    """Return the condition in a form that is tried for one row after the other."""
    if isinstance(condition, UnindexedFilter):
        return UnindexedFilter(_as_row_test(condition.condition))
    copy = condition.copy() if hasattr(condition, "copy") else condition
    if isinstance(copy, Q):
        copy.children = [_as_row_test(child) for child in copy.children]
    elif isinstance(copy, Exists):
        copy.template = TRY_ONE
    return copy


def _conditions(where: WhereNode) -> Iterator[Any]:
    """Yield what has to hold altogether."""
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
