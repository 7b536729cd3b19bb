"""Counts in rows that are found by a unique key."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.db import connection, models

# The values of the key, and the numbers by column.
Counts: TypeAlias = Mapping[tuple[Any, ...], Mapping[str, int]]


def add_counts(model: type[models.Model], key: Sequence[str], counts: Counts) -> None:
    """Add numbers to columns of rows; rows that are missing are inserted.

    ``key`` names the columns of a unique constraint. One statement, which locks the rows in the
    order of their keys.
    """
    if not counts:
        return
    names = sorted({name for numbers in counts.values() for name in numbers})
    rows = [
        (*values, *(numbers.get(name, 0) for name in names))
        for values, numbers in sorted(counts.items())
    ]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    fields: list[Any] = [model._meta.get_field(name) for name in (*key, *names)]
    columns = [quote(field.column) for field in fields]
    arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
    sums = ", ".join(
        f"{column} = {table}.{column} + EXCLUDED.{column}" for column in columns[len(key) :]
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608 - names of columns
            f" ON CONFLICT ({', '.join(columns[: len(key)])}) DO UPDATE SET {sums}",
            [list(values) for values in zip(*rows, strict=True)],
        )
