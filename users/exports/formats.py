"""The formats of exports: CSV (RFC 4180) and JSON Lines, both in UTF-8."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from core.enums import DescribedEnum
from users.jobs.spreadsheets import MARK, MARK_COLUMN, escape_formulas, quote_formulas


class ExportFormat(DescribedEnum):
    """The format of an export."""

    CSV = "csv", "Comma-separated values (RFC 4180) with a header line, in UTF-8."
    JSON_LINES = "jsonl", "A JSON object per line, in UTF-8."

    @property
    def content_type(self) -> str:
        """The media type of the file."""
        return CONTENT_TYPES[self]

    def head(self, columns: Sequence[str]) -> bytes:
        """Return what precedes the rows."""
        return _csv_lines([[*columns, MARK_COLUMN]]) if self is ExportFormat.CSV else b""

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> bytes:
        """Return the lines of rows."""
        if self is ExportFormat.CSV:
            return _csv_lines([*map(_cell, row.values()), MARK] for row in rows)
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


CONTENT_TYPES: Final[Mapping[ExportFormat, str]] = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.JSON_LINES: "application/jsonl",
}


def _csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, list | dict):
        return escape_formulas(orjson.dumps(value).decode())
    return quote_formulas(str(value))
