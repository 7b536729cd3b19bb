"""Single rows, read and written by statements that are compiled once and prepared.

Django builds and compiles a statement each time, which takes several times as long as PostgreSQL
takes to execute it. These are the same statements for the same instances, without that: for the
services that run most often. All other code uses Django's own methods.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from types import NoneType
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError, atomic

from engine.internals.django import thread_connection
from engine.sql.pipelines import Rows
from engine.sql.statements import Param, Statement

M = TypeVar("M", bound=Model)
# Django's stubs know the types of a field's values, which are of no use here.
AnyField: TypeAlias = Any
# The type of Python's values that a field stores as they are. Django calls five functions for each.
UNCONVERTED: Final[Mapping[type[AnyField], type]] = {
    models.BooleanField: bool,
    models.CharField: str,
    models.EmailField: str,
    models.PositiveSmallIntegerField: int,
    models.TextField: str,
    models.URLField: str,
    models.UUIDField: UUID,
}
# The message of the error of an update, which PostgreSQL raises by converting it to a number.
MISSING_ROW: Final = "This row does not exist."
# Callers name the fields of an update, in any combination that a client gives.
MAX_UPDATES: Final = 256


class PreparedQuery(Generic[M]):
    """A query whose parameters are those of the decorated function, which returns a queryset.

    The function is called once, with placeholders. It may not depend on their values.
    """

    def __init__(self, build: Callable[..., QuerySet[M]]) -> None:
        """Compile with the first use: a row lock requires a transaction."""
        self._build = build
        self._names = tuple(inspect.signature(build).parameters)

    def first(self, *values: Any) -> M | None:
        """Execute with these values; return the first row's instance, as Django makes it.

        There should be few rows, because all are read. Raises `TransactionManagementError` for a
        query that locks rows outside of a transaction.
        """
        shape = self._shape
        connection = thread_connection()
        if shape.locks_rows and not connection.in_atomic_block:
            raise TransactionManagementError("Rows are locked in a transaction only.")
        rows = shape.statement.rows(dict(zip(self._names, values, strict=True)))
        return shape.instance(rows[0]) if rows else None

    def get(self, *values: Any) -> M:
        """Return what `first` does; raise the model's `DoesNotExist` if there is no row."""
        instance = self.first(*values)
        if instance is None:
            raise self._shape.model.DoesNotExist  # type: ignore[attr-defined]
        return instance

    @cached_property
    def _shape(self) -> "_Shape[M]":
        queryset = self._build(*map(Param.named, self._names))
        compiler = queryset.query.get_compiler(queryset.db)
        compiler.pre_sql_setup()
        klass_info: Any = compiler.klass_info
        start, end = klass_info["select_fields"][0], klass_info["select_fields"][-1] + 1
        return _Shape(
            statement=Statement.of(queryset),
            locks_rows=queryset.query.select_for_update,
            model=klass_info["model"],
            columns=slice(start, end),
            names=[column.target.attname for column, *_rest in compiler.select[start:end]],
            populators=get_related_populators(  # type: ignore[call-arg]  # of another version
                klass_info, compiler.select, queryset.db
            ),
        )


class _Shape(NamedTuple, Generic[M]):
    """A compiled query, and how Django makes instances of its rows."""

    statement: Statement
    locks_rows: bool
    model: type[M]
    columns: slice
    names: list[str]
    populators: list[Any]

    def instance(self, row: tuple[Any, ...]) -> M:
        """Return the instance of a row, with related instances."""
        instance = self.model.from_db(self.statement.database, self.names, row[self.columns])
        for populator in self.populators:
            populator.populate(row, instance)
        return instance


class _Column(NamedTuple):
    """A field as a parameter, and the types of values that it stores unconverted."""

    field: AnyField
    name: str
    unconverted: tuple[type, ...]

    @classmethod
    def of(cls, field: AnyField) -> "_Column":
        """Return the parameter of a field."""
        stored = type(field.target_field if field.remote_field else field)
        unconverted = (UNCONVERTED[stored], NoneType) if stored in UNCONVERTED else ()
        return cls(field, field.attname, unconverted)

    def convert(self, instance: Model, connection: Any, *, is_new: bool) -> Any:
        """Return the instance's value, as PostgreSQL takes it."""
        return self.field.get_db_prep_save(self.field.pre_save(instance, is_new), connection)


class _Write(NamedTuple):
    """A compiled statement, its parameters, and the fields that PostgreSQL generates."""

    statement: Statement
    columns: Sequence[_Column]
    generated: Sequence[AnyField] = ()


def insert(*instances: Model) -> None:
    """Insert new instances of one model, as `save(force_insert=True)` does without signals.

    All of them have a primary key, or none has. One statement, in a transaction of its own unless
    there is one. Values that PostgreSQL generates are set without conversion. Raises
    `IntegrityError`, at the latest at the end of a `pipelined` transaction.
    """
    has_keys = instances[0].pk is not None
    write = _insertion(type(instances[0]), len(instances), has_keys=has_keys)
    rows = _execute(write, instances, is_new=True)
    for instance, row in zip(instances, rows, strict=bool(write.generated)):
        for field, value in zip(write.generated, row, strict=True):
            setattr(instance, field.attname, value)
    for instance in instances:
        instance._state.adding, instance._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001


def update(instance: Model, names: Iterable[str]) -> None:
    """Write these fields of an instance, as `save(update_fields=names)` does without signals.

    In a transaction of its own unless there is one. Raises `DatabaseError` if the row does not
    exist, at the latest at the end of a `pipelined` transaction.
    """
    _execute(_update(type(instance), tuple(names)), [instance], is_new=False)


def _execute(write: "_Write", instances: Sequence[Model], *, is_new: bool) -> Rows:
    """Execute with the instances' values; return the rows if PostgreSQL generates values."""
    connection = thread_connection()
    if not connection.in_atomic_block:
        with atomic():
            return _execute(write, instances, is_new=is_new)
    try:
        values = [
            value
            if type(value := getattr(instance, column.name)) in column.unconverted
            else column.convert(instance, connection, is_new=is_new)
            for instance in instances
            for column in write.columns
        ]
        if write.generated:
            return write.statement.run(connection, values)
        write.statement.run_by_commit(connection, values)
    except Exception as error:
        # As Django's `mark_for_rollback_on_error`.
        connection.needs_rollback, connection.rollback_exc = True, error
        raise
    return ()


@lru_cache
def _insertion(model: type[Model], count: int, *, has_keys: bool) -> _Write:
    meta: Any = model._meta
    fields = [
        field
        for field in meta.concrete_fields
        if not (field.generated or (field.primary_key and not has_keys))
    ]
    generated = [
        field for field in meta.db_returning_fields if not (field.primary_key and has_keys)
    ]
    row = f"({', '.join(map(_placeholder, fields))})"
    into = f"{_quote(meta.db_table)} ({', '.join(map(_column, fields))})"
    # The key, for rows to come back, unless PostgreSQL generates other values.
    values, returned = ", ".join([row] * count), ", ".join(map(_column, generated or [meta.pk]))
    sql = f"INSERT INTO {into} VALUES {values} RETURNING {returned}"  # noqa: S608 - names of columns
    return _Write(Statement(DEFAULT_DB_ALIAS, sql), [*map(_Column.of, fields)], generated)


@lru_cache(MAX_UPDATES)
def _update(model: type[Model], names: tuple[str, ...]) -> _Write:
    fields = [model._meta.get_field(name) for name in names]
    table, key = _quote(model._meta.db_table), model._meta.pk
    values = ", ".join(f"{_column(field)} = {_placeholder(field)}" for field in fields)
    # PostgreSQL itself refuses if there is no row, because COMMIT may already be on its way.
    sql = (
        f"WITH written AS (UPDATE {table} SET {values} WHERE {_column(key)} = %s RETURNING 1)"  # noqa: S608
        f" SELECT CASE count(*) WHEN 0 THEN '{MISSING_ROW}' ELSE '1' END::integer FROM written"
    )
    return _Write(Statement(DEFAULT_DB_ALIAS, sql), [*map(_Column.of, [*fields, key])])


def _column(field: AnyField) -> str:
    return _quote(field.column)


def _placeholder(field: AnyField) -> str:
    """Return the placeholder of the field's type, such as that of arrays, which casts."""
    own = getattr(field, "get_placeholder", None)
    return own(None, None, connections[DEFAULT_DB_ALIAS]) if own else "%s"


def _quote(name: str) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(name)
