"""A model with a column of each type, values and a schema."""

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any, ClassVar, Final

import strawberry
import strawberry_django
from django.apps.registry import Apps
from django.contrib.postgres.fields import (
    ArrayField,
    BigIntegerRangeField,
    DateRangeField,
    DateTimeRangeField,
    DecimalRangeField,
    IntegerRangeField,
)
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Value
from django.db.models.functions import Upper
from psycopg.types.range import Range
from strawberry import auto
from strawberry.scalars import JSON
from strawberry_django.optimizer import DjangoOptimizerExtension

from tests.engine.silent import SilentSchema


class Shade(models.TextChoices):
    """A choice."""

    LIGHT = "l", "light"
    DARK = "d", "dark"


class Moments(json.JSONDecoder):
    """Reads the value of `at` as a timestamp."""

    def __init__(self) -> None:
        super().__init__(object_hook=self.read)

    @staticmethod
    def read(found: dict[str, Any]) -> dict[str, Any]:
        return found | {"at": dt.datetime.fromisoformat(found["at"])} if "at" in found else found


class UppercaseField(models.CharField):  # type: ignore[type-arg]
    """A custom field: upper case in the table, lower case in Python."""

    def get_prep_value(self, value: Any) -> Any:
        return value and value.upper()

    def from_db_value(self, value: Any, *_more: Any) -> Any:
        return value and value.lower()


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
    positive_small = models.PositiveSmallIntegerField(null=True)
    positive = models.PositiveIntegerField(null=True)
    positive_large = models.PositiveBigIntegerField(null=True)
    slug = models.SlugField(null=True)  # noqa: DJ001
    email = models.EmailField(null=True)  # noqa: DJ001
    url = models.URLField(null=True)  # noqa: DJ001
    file = models.FileField(null=True)
    file_path = models.FilePathField(null=True)  # noqa: DJ001
    moments = models.JSONField(null=True, encoder=DjangoJSONEncoder, decoder=Moments)
    whispered = UppercaseField(max_length=20, null=True)
    array = ArrayField(models.IntegerField(), null=True)
    matrix = ArrayField(ArrayField(models.IntegerField()), null=True)
    amounts = ArrayField(models.DecimalField(max_digits=9, decimal_places=3), null=True)
    days = ArrayField(models.DateField(), null=True)
    keys = ArrayField(models.UUIDField(), null=True)
    addresses = ArrayField(models.GenericIPAddressField(), null=True)
    spans = ArrayField(models.DurationField(), null=True)
    documents = ArrayField(models.JSONField(), null=True)
    integer_range = IntegerRangeField(null=True)
    large_range = BigIntegerRangeField(null=True)
    decimal_range = DecimalRangeField(null=True)
    moment_range = DateTimeRangeField(null=True)
    date_range = DateRangeField(null=True)
    texts = ArrayField(models.TextField(null=True), null=True)
    shade = models.CharField(max_length=1, choices=Shade, null=True)  # noqa: DJ001
    upper = models.GeneratedField(
        expression=Upper("char"), output_field=models.TextField(), db_persist=True
    )

    objects: ClassVar[models.Manager["Sample"]] = models.Manager()

    class Meta:
        """A registry of its own."""

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
    "positive_small": [0, 2**15 - 1],
    "positive": [0, 2**31 - 1],
    "positive_large": [0, 2**63 - 1],
    "slug": ["", "a-b_c"],
    "email": ["zoë@example.org"],
    "url": ["https://example.org/é?a=b#c"],
    "file": ["", "folder/é.txt"],
    "file_path": ["/srv/x"],
    "moments": [{"at": dt.datetime(2024, 7, 1, 12, 0, tzinfo=UTC)}, [{"a": None}]],
    "whispered": ["psst", ""],
    "array": [[], [1, None, -3]],
    "matrix": [[], [[1, 2], [None, -3]]],
    "amounts": [[], [Decimal("0.100"), None, Decimal("-123456.789")]],
    "days": [[], [dt.date(1, 1, 1), None]],
    "keys": [[], [uuid.UUID(int=0), None]],
    "addresses": [[], ["192.0.2.1", None, "2001:db8::1"]],
    "spans": [[], [dt.timedelta(days=-3, microseconds=7), None]],
    "documents": [[], [{"a": [1, None, "é"]}, 7, "x"]],
    "integer_range": [Range(1, 5), Range(None, 3), Range(empty=True)],
    "large_range": [Range(-(2**63), 2**63 - 1), Range(None, None)],
    "decimal_range": [Range(Decimal("0.1"), Decimal("0.2"), "[]"), Range(Decimal(1), None, "()")],
    "moment_range": [Range(dt.datetime(2024, 2, 29, 23, 59, 59, 999999, UTC), None)],
    "date_range": [Range(dt.date(2024, 2, 1), dt.date(2024, 3, 1))],
    "texts": [[], ["é", None, "a,b", '"', "{}"]],
    "shade": [Shade.LIGHT, "d"],
}
# What Django does not find a row by.
UNSOUGHT: Final = {"json", "documents"}
# Beyond what an Int holds.
LARGE: Final = {"large", "positive_large"}
COLUMNS: Final = Sample._meta.concrete_fields
NAMES: Final = [field.name for field in COLUMNS]
# Relations, see `tests.engine.library`; other keys; what is abstract, or was removed; an
# image, which is a file; and what PostgreSQL needs an extension for.
OTHERS: Final = {
    *("ForeignKey", "ForeignObject", "ManyToManyField", "OneToOneField"),
    *("AutoField", "CompositePrimaryKey", "OrderWrt", "SmallAutoField"),
    *("CICharField", "CIEmailField", "CITextField", "Field", "RangeField"),
    *("CommaSeparatedIntegerField", "IPAddressField", "NullBooleanField"),
    *("HStoreField", "ImageField"),
}


@strawberry_django.type(Sample)
class SampleType:
    """Each field, converted by a resolver if GraphQL lacks its type."""

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
    positive_small: auto
    positive: auto
    positive_large: auto
    slug: auto
    email: auto
    url: auto
    file_path: auto
    moments: JSON | None
    whispered: str | None
    array: list[int | None] | None
    matrix: list[list[int | None]] | None
    amounts: list[Decimal | None] | None
    days: list[dt.date | None] | None
    keys: list[uuid.UUID | None] | None
    addresses: list[str | None] | None
    documents: list[JSON | None] | None
    texts: list[str | None] | None
    shade: auto
    upper: str | None

    @strawberry_django.field(only=["duration"])
    def duration(self: Sample) -> str | None:
        return repr(self.duration)

    attached_as: str | None = strawberry_django.field(field_name="file")
    attachment: strawberry_django.DjangoFileType | None = strawberry_django.field(field_name="file")

    @strawberry_django.field(only=["file"])
    def file(self: Sample) -> str | None:
        return self.file.name

    @strawberry_django.field(only=["spans"])
    def spans(self: Sample) -> str | None:
        return repr(self.spans)

    @strawberry_django.field(only=["integer_range"])
    def integer_range(self: Sample) -> str | None:
        return repr(self.integer_range)

    @strawberry_django.field(only=["large_range"])
    def large_range(self: Sample) -> str | None:
        return repr(self.large_range)

    @strawberry_django.field(only=["decimal_range"])
    def decimal_range(self: Sample) -> str | None:
        return repr(self.decimal_range)

    @strawberry_django.field(only=["moment_range"])
    def moment_range(self: Sample) -> str | None:
        return repr(self.moment_range)

    @strawberry_django.field(only=["date_range"])
    def date_range(self: Sample) -> str | None:
        return repr(self.date_range)

    @strawberry_django.field(only=["binary"])
    def binary(self: Sample) -> str | None:
        return None if self.binary is None else bytes(self.binary).hex()


@strawberry.type
class Query:
    """All samples."""

    @strawberry_django.field
    def samples(self) -> list[SampleType]:
        return Sample.objects.all()


SCHEMA: Final = SilentSchema(Query, extensions=[DjangoOptimizerExtension])
