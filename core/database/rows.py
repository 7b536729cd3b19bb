"""Single rows, read and written by statements that are compiled once and prepared.

Django builds and compiles a statement each time, which takes several times as long as PostgreSQL
takes to execute it. These are the same statements for the same instances, without that: for the
services that run most often. All other code uses Django's own methods.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError, atomic, mark_for_rollback_on_error

from engine.sql.statements import Param, Statement

M = TypeVar("M", bound=Model)
# Django's stubs know the types of a field's values, which are of no use here.
AnyField: TypeAlias = Any
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
        if shape.locks_rows and not connections[DEFAULT_DB_ALIAS].in_atomic_block:
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


def insert(*instances: Model) -> None:
    """Insert new instances of one model, as `save(force_insert=True)` does without signals.

    All of them have a primary key, or none has. One statement, in a transaction of its own unless
    there is one. Values that PostgreSQL generates are set without conversion. Raises
    `IntegrityError`.
    """
    fields, returned, statement = _insertion(
        type(instances[0]), len(instances), is_key_generated=instances[0].pk is None
    )
    with _write_context():
        rows = _write(statement, fields, instances, is_new=True)
    for instance, row in zip(instances, rows, strict=True):
        for field, value in zip(returned, row, strict=True):
            setattr(instance, field.attname, value)
        instance._state.adding, instance._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001


def update(instance: Model, names: Iterable[str]) -> None:
    """Write these fields of an instance, as `save(update_fields=names)` does without signals.

    In a transaction of its own unless there is one. Raises `DatabaseError` if the row does not
    exist.
    """
    fields, statement = _update(type(instance), tuple(names))
    with _write_context():
        if not _write(statement, fields, [instance], is_new=False):
            raise DatabaseError(f"This row does not exist: {instance.pk}.")


def _write_context() -> AbstractContextManager[None]:
    """Return a transaction, or what marks the caller's for rollback after an error."""
    if connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return mark_for_rollback_on_error(DEFAULT_DB_ALIAS)
    return atomic()


def _write(
    statement: Statement, fields: Sequence[AnyField], instances: Sequence[Model], *, is_new: bool
) -> Sequence[tuple[Any, ...]]:
    """Execute with the instances' values of the fields; return the rows."""
    # Each access to Django's `connection` would look it up again.
    connection = connections[DEFAULT_DB_ALIAS]
    values = [
        field.get_db_prep_save(field.pre_save(instance, is_new), connection)
        for instance in instances
        for field in fields
    ]
    return statement.run(connection, values)


@lru_cache
def _insertion(
    model: type[Model], count: int, *, is_key_generated: bool
) -> tuple[Sequence[AnyField], Sequence[AnyField], Statement]:
    """Return the columns to write, those to read, and the statement."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if not (field.generated or (is_key_generated and field.primary_key))
    ]
    # The key, for a row to come back, unless PostgreSQL generates other values.
    returned = model._meta.db_returning_fields or [model._meta.pk]
    row = f"({', '.join(map(_placeholder, fields))})"
    into = f"{_quote(model._meta.db_table)} ({', '.join(map(_column, fields))})"
    values, reading = ", ".join([row] * count), ", ".join(map(_column, returned))
    sql = f"INSERT INTO {into} VALUES {values} RETURNING {reading}"  # noqa: S608 - names of columns
    return fields, returned, Statement(DEFAULT_DB_ALIAS, sql)


@lru_cache(MAX_UPDATES)
def _update(model: type[Model], names: tuple[str, ...]) -> tuple[Sequence[AnyField], Statement]:
    """Return the parameters' fields, those to write before the key, and the statement."""
    fields = [model._meta.get_field(name) for name in names]
    table, key = _quote(model._meta.db_table), model._meta.pk
    values = ", ".join(f"{_column(field)} = {_placeholder(field)}" for field in fields)
    where = f"{table}.{_column(key)} = %s"
    sql = f"UPDATE {table} SET {values} WHERE {where} RETURNING {_column(key)}"  # noqa: S608
    return [*fields, key], Statement(DEFAULT_DB_ALIAS, sql)


def _column(field: AnyField) -> str:
    return _quote(field.column)


def _placeholder(field: AnyField) -> str:
    """Return the placeholder of the field's type, such as that of arrays, which casts."""
    own = getattr(field, "get_placeholder", None)
    return own(None, None, connections[DEFAULT_DB_ALIAS]) if own else "%s"


def _quote(name: str) -> str:
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(name)
