"""Every type of model field has the same value on every path."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.postgres import fields as postgres
from django.db import connection, models
from django.db.models import F
from graphql import parse
from strawberry.utils.str_converters import to_camel_case

from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from engine.sql.statements import Param, Statement
from tests.engine.library.contexts import Reader
from tests.engine.samples import COLUMNS, FULL, LARGE, NAMES, OTHERS, SCHEMA, UNSOUGHT, Sample


@pytest.fixture
def samples(db: None) -> None:
    with connection.schema_editor(collect_sql=True) as editor:
        editor.create_model(Sample)
    (create, *_indexes) = editor.collected_sql
    with connection.cursor() as cursor:
        # The service may make no others.
        cursor.execute(create.replace("CREATE TABLE", "CREATE TEMPORARY TABLE"))
    longest = max(map(len, FULL.values()))
    for index in range(longest):
        Sample.objects.create(
            **{name: values[index] for name, values in FULL.items() if index < len(values)}
        )
    empty = Sample.objects.create()
    # Django keeps no file as an empty name.
    Sample.objects.filter(pk=empty.pk).update(file=None)


def test_there_is_a_column_of_each_type() -> None:
    offered = {
        each.__name__
        for module in (models, postgres)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, models.Field)
    }
    assert offered - OTHERS == {type(field).__name__ for field in COLUMNS} - {"UppercaseField"}


def exactly(rows: Sequence[Sequence[Any]]) -> list[list[tuple[type, Any]]]:
    """Return the values with their types, what is in memory as bytes."""
    return [
        [(type(v), bytes(v) if isinstance(v, memoryview) else repr(v)) for v in row] for row in rows
    ]


@pytest.mark.parametrize("is_prepared", [True, False], ids=["prepare", "once"])
def test_statements_return_what_the_orm_returns(
    samples: None, monkeypatch: pytest.MonkeyPatch, *, is_prepared: bool
) -> None:
    if not is_prepared:
        monkeypatch.setattr(connection.connection, "prepare_threshold", None)
    rows = Sample.objects.values_list(*NAMES)
    statement = Statement.of(rows)
    for _time in range(3):
        assert exactly(statement.rows({})) == exactly(list(rows))
    assert exactly(Statement.of(rows, once=True).rows({})) == exactly(list(rows))
    # There is something in each column, and null.
    for column in zip(*rows, strict=True):
        assert any(value is not None for value in column)
    assert [value for value in list(rows)[-1] if value is not None] == [len(rows)]


@pytest.mark.parametrize("name", [each for each in FULL if each not in UNSOUGHT])
def test_values_find_their_rows(samples: None, name: str) -> None:
    field: Any = Sample._meta.get_field(name)
    statement = Statement.of(Sample.objects.filter(**{name: Param.named("it")}).values_list("pk"))
    for value in FULL[name]:
        prepare = field.get_db_prep_value(value, connection)
        found = list(Sample.objects.filter(**{name: value}).values_list("pk"))
        assert list(statement.rows({"it": prepare})) == found
        assert found


def test_expressions_are_converted(samples: None) -> None:
    rows = Sample.objects.annotate(
        more=F("duration") + dt.timedelta(days=1), half=F("decimal") / 2
    ).values_list("json__a", "more", "half")
    assert exactly(Statement.of(rows).rows({})) == exactly(list(rows))


@pytest.mark.parametrize("name", NAMES[1:])
def test_the_engine_answers_with_the_same_values(samples: None, name: str) -> None:
    source = f"{{ samples {{ {name}: {to_camel_case(name)} }} }}"
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    expected = SCHEMA.execute_sync(source, context_value=Reader("Sue"))
    for _time in range(2):
        actual = operation.execute(None, Reader("Sue"))
        assert actual.data == expected.data
        assert [(str(e), e.path) for e in actual.errors or ()] == [
            (str(e), e.path) for e in expected.errors or ()
        ]
    # An Int has 32 bits.
    assert bool(expected.errors) == (name in LARGE)
    assert expected.data
    values = [row[name] for row in expected.data["samples"]]
    assert values[-1] in {None, "None"}
    assert values[0] is not None or name in LARGE


@pytest.mark.parametrize("selection", ["attachment { name }", "attachedAs"])
def test_files_are_left_to_graphql_core(selection: str) -> None:
    source = f"{{ samples {{ {selection} }} }}"
    with pytest.raises(NotPlannableError, match="not a column"):
        CompiledOperation.of(SCHEMA, parse(source), None).execute(None, Reader("Sue"))
