"""Every type of model field: the same value by a statement, by the engine and by the ORM."""

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

import pytest
import strawberry
import strawberry_django
from django.apps.registry import Apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import F, Value
from django.db.models.functions import Upper
from strawberry import auto
from strawberry.scalars import JSON
from strawberry_django.optimizer import DjangoOptimizerExtension

from core.actor import ANONYMOUS
from core.statements import Slot, Statement
from schema.context import Context
from schema.documents import parsed
from schema.engine.executor import Operation


class Shade(models.TextChoices):
    """A choice."""

    LIGHT = "l", "light"
    DARK = "d", "dark"


class Sample(models.Model):
    """A column of each type, in a table that is there for a test."""

    boolean = models.BooleanField(null=True)
    small = models.SmallIntegerField(null=True)
    integer = models.IntegerField(null=True)
    large = models.BigIntegerField(null=True)
    float = models.FloatField(null=True)
    decimal = models.DecimalField(max_digits=30, decimal_places=10, null=True)
    char = models.CharField(max_length=20, null=True)  # noqa: DJ001 - NULL is a case, too
    text = models.TextField(null=True)  # noqa: DJ001
    uuid = models.UUIDField(null=True)
    date = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    time = models.TimeField(null=True)
    duration = models.DurationField(null=True)
    json = models.JSONField(null=True)
    binary = models.BinaryField(null=True)
    address = models.GenericIPAddressField(null=True)
    array = ArrayField(models.IntegerField(), null=True)
    texts = ArrayField(models.TextField(null=True), null=True)
    shade = models.CharField(max_length=1, choices=Shade, null=True)  # noqa: DJ001
    upper = models.GeneratedField(
        expression=Upper("char"), output_field=models.TextField(), db_persist=True
    )

    objects: ClassVar[models.Manager["Sample"]] = models.Manager()

    class Meta:
        """Known to nobody else."""

        app_label = "engine_tests"
        apps = Apps()
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        """Name the row."""
        return str(self.pk)


UTC: Final = dt.UTC
FULL: Final[dict[str, list[Any]]] = {
    "boolean": [True, False],
    "small": [-(2**15), 2**15 - 1, 0],
    "integer": [-(2**31), 2**31 - 1, 0],
    "large": [-(2**63), 2**63 - 1, 0],
    "float": [1.5, -0.1, 1e300, 5e-324, 0.0],
    "decimal": [Decimal("0.1"), Decimal("-12345678901234567890.0123456789"), Decimal(0)],
    "char": ["", "Zoë", "☃ 🙂", "a'b\"c\\d%s"],
    "text": ["", "日本語\n\t", "%(x)s {y}"],
    "uuid": [uuid.UUID(int=0), uuid.UUID("018f0000-0000-7000-8000-00000000abcd")],
    "date": [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29)],
    "moment": [
        dt.datetime(2024, 2, 29, 23, 59, 59, 999999, UTC),
        dt.datetime(1900, 1, 1, tzinfo=UTC),
        dt.datetime(2024, 7, 1, 12, 0, 0, 1, dt.timezone(dt.timedelta(hours=5, minutes=30))),
    ],
    "time": [dt.time(0, 0), dt.time(23, 59, 59, 999999)],
    "duration": [
        dt.timedelta(0),
        dt.timedelta(days=-3, microseconds=7),
        dt.timedelta(days=400, seconds=1),
    ],
    "json": [
        {"a": [1, None, {"b": "é"}], "": 1.5},
        [],
        ["x"],
        "text",
        "",
        7,
        1.25,
        True,
        Value(None, models.JSONField()),
    ],
    "binary": [b"", b"\x00\xff%s"],
    "address": ["192.0.2.1", "2001:db8::1", "::"],
    "array": [[], [1, None, -3]],
    "texts": [[], ["é", None, "a,b", '"', "{}"]],
    "shade": [Shade.LIGHT, "d"],
}
NAMES: Final = [field.name for field in Sample._meta.concrete_fields]  # noqa: SLF001


@strawberry_django.type(Sample)
class SampleType:
    """Each field that GraphQL has a type for; of the others, what a resolver makes of them."""

    boolean: auto
    small: auto
    integer: auto
    large: auto
    float: auto
    decimal: auto
    char: auto
    text: auto
    uuid: auto
    date: auto
    moment: auto
    time: auto
    json: JSON | None
    address: str | None
    array: list[int | None] | None
    texts: list[str | None] | None
    shade: auto
    upper: str | None

    @strawberry_django.field(only=["duration"])
    def duration(self: Sample) -> str | None:
        return repr(self.duration)

    @strawberry_django.field(only=["binary"])
    def binary(self: Sample) -> str | None:
        return None if self.binary is None else bytes(self.binary).hex()


@strawberry.type
class Query:
    """All samples."""

    @strawberry_django.field
    def samples(self) -> list[SampleType]:
        return Sample.objects.all()


class Quiet(strawberry.Schema):
    """A schema that does not log what goes wrong on purpose."""

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Do nothing."""


SCHEMA: Final = Quiet(Query, extensions=[DjangoOptimizerExtension])


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
    Sample.objects.create()


def exactly(rows: Sequence[Sequence[Any]]) -> list[list[tuple[type, Any]]]:
    """Return the values with their types, what is in memory as bytes."""
    return [
        [(type(v), bytes(v) if isinstance(v, memoryview) else repr(v)) for v in row] for row in rows
    ]


@pytest.mark.parametrize("is_prepared", [True, False], ids=["prepared", "once"])
def test_statements_return_what_the_orm_returns(
    samples: None, settings: Any, *, is_prepared: bool
) -> None:
    settings.PREPARED_STATEMENTS = is_prepared
    rows = Sample.objects.values_list(*NAMES)
    statement = Statement.of(rows)
    for _time in range(3):
        assert exactly(statement.rows({})) == exactly(list(rows))
    assert exactly(Statement.of(rows, once=True).rows({})) == exactly(list(rows))
    # There is something in each column, and null.
    for column in zip(*rows, strict=True):
        assert any(value is not None for value in column)
    assert [value for value in list(rows)[-1] if value is not None] == [len(rows)]


@pytest.mark.parametrize("name", [name for name in FULL if name != "json"])
def test_values_find_their_rows(samples: None, name: str) -> None:
    field: Any = Sample._meta.get_field(name)  # noqa: SLF001 - Django's public API
    statement = Statement.of(Sample.objects.filter(**{name: Slot.named("it")}).values_list("pk"))
    for value in FULL[name]:
        prepared = field.get_db_prep_value(value, connection)
        found = list(Sample.objects.filter(**{name: value}).values_list("pk"))
        assert list(statement.rows({"it": prepared})) == found
        assert found


def test_expressions_are_converted(samples: None) -> None:
    rows = Sample.objects.annotate(
        more=F("duration") + dt.timedelta(days=1), half=F("decimal") / 2
    ).values_list("json__a", "more", "half")
    assert exactly(Statement.of(rows).rows({})) == exactly(list(rows))


@pytest.mark.parametrize("name", NAMES[1:])
def test_the_engine_answers_with_the_same_values(samples: None, name: str) -> None:
    source = f"{{ samples {{ {name} }} }}"
    operation = Operation.of(SCHEMA, parsed(source), None)
    expected = SCHEMA.execute_sync(source, context_value=Context(ANONYMOUS))
    for _time in range(2):
        actual = operation.execute(None, Context(ANONYMOUS))
        assert actual.data == expected.data
        assert [(str(e), e.path) for e in actual.errors or ()] == [
            (str(e), e.path) for e in expected.errors or ()
        ]
    # An Int has 32 bits.
    assert bool(expected.errors) == (name == "large")
    assert expected.data
    values = [row[name] for row in expected.data["samples"]]
    assert values[-1] in {None, "None"}
    assert values[0] is not None or name == "large"
