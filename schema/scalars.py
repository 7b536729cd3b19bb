"""Custom scalars, which accept only values that are stored without loss."""

import datetime as dt
import re
from dataclasses import replace
from typing import Any, Final, NewType, cast

import strawberry
from django.core.files.uploadedfile import InMemoryUploadedFile
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.scalars import JSON
from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition
from strawberry.schema.types.scalar import DEFAULT_SCALAR_REGISTRY

from core.ijson import serializable
from core.rfc3339 import parse_day, parse_moment

SCALARS_ORG: Final = "https://scalars.graphql.org/andimarek"
# PostgreSQL accepts offsets below 16 hours, and stores microseconds.
MAX_OFFSET: Final = dt.timedelta(hours=16)
FINER_THAN_MICROSECONDS: Final = re.compile(r"\.\d{6}\d*[1-9]")

Upload = NewType("Upload", InMemoryUploadedFile)


def _file(value: object) -> object:
    if not isinstance(value, InMemoryUploadedFile):
        raise GraphQLError("An Upload must be a file in a multipart request.")
    return value


def _moment(value: object) -> dt.datetime:
    """Parse a DateTime (RFC 3339) and convert it to UTC.

    An offset is required, because a local time is ambiguous. If the conversion overflows the
    calendar, the value keeps its offset, provided that PostgreSQL accepts it.
    """
    try:
        moment = parse_moment(cast("str", value))
    except (TypeError, ValueError):
        raise GraphQLError(
            "A DateTime must be a string with date, time and offset (RFC 3339), such as "
            "2026-01-31T12:00:00Z."
        ) from None
    if FINER_THAN_MICROSECONDS.search(cast("str", value)):
        raise GraphQLError("A DateTime may have at most six decimal places.")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        if abs(cast("dt.timedelta", moment.utcoffset())) < MAX_OFFSET:
            return moment
        raise GraphQLError("A DateTime must be in the years 1 to 9999 in UTC.") from None


def _day(value: object) -> dt.date:
    try:
        return parse_day(cast("str", value))
    except (TypeError, ValueError):
        raise GraphQLError("A Date must be a string (RFC 3339), such as 2026-01-31.") from None


def _json_of(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    try:
        return value_from_ast_untyped(node, variables)
    except ValueError:
        # Python limits the digits of integer literals (`sys.set_int_max_str_digits`).
        raise GraphQLError("The number has too many digits.", node) from None


SCALARS: Final[dict[object, Any]] = {
    Upload: strawberry.scalar(
        name="Upload",
        description="A file in a multipart request.",
        serialize=_file,
        parse_value=_file,
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    ),
    JSON: replace(
        DEFAULT_SCALAR_REGISTRY[JSON],
        serialize=serializable,
        parse_literal=_json_of,
    ),
    dt.date: replace(
        DateDefinition,
        parse_value=_day,
        description="A calendar date (RFC 3339), such as `2026-01-31`.",
        specified_by_url=f"{SCALARS_ORG}/local-date",
    ),
    dt.datetime: replace(
        DateTimeDefinition,
        parse_value=_moment,
        description="A date and time with an offset (RFC 3339), such as `2026-01-31T12:00:00Z`; at "
        "most six decimal places. Returned in UTC.",
        specified_by_url=f"{SCALARS_ORG}/date-time",
    ),
}
