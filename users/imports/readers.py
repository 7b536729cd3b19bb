"""Records of a file of users, one at a time, from any record on.

Every part is bounded: lines, records, columns. The whole file is scanned once before anything is
stored, so that a malformed one is refused as a whole.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any, Final, NamedTuple

from django.utils.translation import gettext as _

from core.ijson import decode_json
from users.imports.errors import FileInvalidError, columns_error
from users.imports.fields import (
    FIELDS,
    ImportField,
    ImportFormat,
    Values,
    check_columns,
    check_mapping,
    fields_named,
    map_columns,
)
from users.jobs.spreadsheets import MARK, MARK_COLUMN, unquote_formulas

# Of a record; metadata of both kinds have a quarter at most.
MAX_RECORD: Final = 131_072
# The different keys of all lines together.
MAX_KEYS: Final = 1_000
DELIMITERS: Final = ",;\t"
BOM: Final = b"\xef\xbb\xbf"
# The first bytes of archives and of other encodings.
FOREIGN: Final[Mapping[bytes, str]] = {
    b"PK\x03\x04": "ZIP",
    b"PK\x05\x06": "ZIP",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


class Record(NamedTuple):
    """One row: its first line, the offset and the line at its end, its values.

    Values are None if the row is malformed.
    """

    line: int
    end: int
    end_line: int
    values: Values | None


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records of a file are read; stored with the import."""

    format: ImportFormat
    # Of CSV: the fields of the columns, None for those that are ignored.
    fields: Sequence[ImportField | None]
    # Of JSON Lines: the mapping, if there is one.
    mapping: Mapping[str, str] | None
    delimiter: str
    # The offset and the number of the first line that has a record.
    start: int
    line: int
    # Of CSV: the index of the column that marks rows of exports, if there is one.
    mark: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the layout as JSON."""
        layout = asdict(self)
        if self.mark is None:
            # Workers of the release before know no mark.
            del layout["mark"]
        return layout

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Layout":
        """Return the layout that `to_json` serialized."""
        fields = [field and FIELDS[field] for field in value["fields"]]
        return cls(**{**value, "format": ImportFormat(value["format"]), "fields": fields})


class _Lines:
    """The lines of a file as text. Raises `FileInvalidError` for one that is no UTF-8."""

    def __init__(self, file: IO[bytes], *, offset: int, line: int) -> None:
        """Continue at an offset, which is the start of the line after ``line``."""
        file.seek(offset)
        self._file = file
        self.offset = offset
        self.line = line
        self._record = offset

    def begin_record(self) -> None:
        """Start counting the bytes of a record."""
        self._record = self.offset

    def __iter__(self) -> "_Lines":
        """Return itself."""
        return self

    def __next__(self) -> str:
        """Return the next line with its end."""
        data = self._file.readline(MAX_RECORD + 1)
        if not data:
            raise StopIteration
        self.offset += len(data)
        self.line += 1
        if self.offset - self._record > MAX_RECORD:
            raise FileInvalidError(_("The row is too long."), line=self.line)
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise FileInvalidError(_("Encode the file as UTF-8."), line=self.line) from None


def find_layout(
    file: IO[bytes], format_: ImportFormat, mapping: Mapping[str, str] | None
) -> Layout:
    """Return how to read the file, from its first line. Raises `InputRejectedError`."""
    file.seek(0)
    head = file.read(MAX_RECORD)
    for magic, name in FOREIGN.items():
        if head.startswith(magic):
            raise FileInvalidError(_("This is a file in %(format)s. Send text.") % {"format": name})
    if b"\0" in head[:8]:
        # UTF-16 and UTF-32 without a BOM.
        raise FileInvalidError(_("Encode the file as UTF-8."))
    if b"\r" in head.rstrip() and b"\n" not in head:
        raise FileInvalidError(_("End lines by LF or CRLF, not by CR alone."))
    start = len(BOM) if head.startswith(BOM) else 0
    if format_ is ImportFormat.JSON_LINES:
        check_mapping(mapping)
        return Layout(format_, (), mapping, "", start, 0)
    lines = _Lines(file, offset=start, line=0)
    delimiter, columns = _read_header(lines)
    fields = map_columns(columns, mapping)
    mark = columns.index(MARK_COLUMN) if MARK_COLUMN in columns else None
    return Layout(format_, fields, None, delimiter, lines.offset, lines.line, mark)


def _read_header(lines: _Lines) -> tuple[str, list[str]]:
    """Return the delimiter, which is the most frequent one, and the columns."""
    first = next(lines, "")
    if "\0" in first:
        raise FileInvalidError(_("Encode the file as UTF-8."), line=1)
    delimiter = max(DELIMITERS, key=first.count)
    try:
        columns = next(csv.reader(iter([first]), delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise FileInvalidError(_("The header is malformed."), line=1) from None
    if not any(columns):
        raise FileInvalidError(_("The file has no header."))
    return delimiter, [column.strip() for column in columns]


def read_columns(file: IO[bytes], layout: Layout) -> dict[str, ImportField | None]:
    """Return the fields of the header's columns; nothing for JSON Lines, which have no header."""
    if layout.format is ImportFormat.JSON_LINES:
        return {}
    file.seek(0)
    header = file.read(layout.start).decode("utf-8-sig")
    columns = next(csv.reader([header], delimiter=layout.delimiter))
    return dict(zip(map(str.strip, columns), layout.fields, strict=True))


def read_records(
    file: IO[bytes],
    layout: Layout,
    *,
    offset: int | None = None,
    line: int | None = None,
    columns: dict[str, ImportField | None] | None = None,
) -> Iterator[Record]:
    """Yield the records from an offset on, or all. Raises `InputRejectedError`.

    ``line`` is the number of lines before the offset. The fields of JSON's keys are added to the
    ``columns``.
    """
    lines = _Lines(
        file,
        offset=layout.start if offset is None else offset,
        line=layout.line if line is None else line,
    )
    if layout.format is ImportFormat.CSV:
        return _read_csv(lines, layout)
    fields = {} if columns is None else columns
    return _read_json(lines, layout, fields, is_whole=offset is None)


def _read_csv(lines: _Lines, layout: Layout) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=layout.delimiter, strict=True)
    while True:
        lines.begin_record()
        first = lines.line + 1
        try:
            # The reader takes no more lines than the record has.
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise FileInvalidError(_("The quotation marks are malformed."), line=first) from None
        if cells:
            yield Record(first, lines.offset, lines.line, _cells(cells, layout))


def _cells(cells: Sequence[str], layout: Layout) -> Values | None:
    if len(cells) != len(layout.fields):
        return None
    is_quoted = layout.mark is not None and cells[layout.mark] == MARK
    # An empty cell is no value, except that an exported name is not derived from its parts.
    return {
        field: unquote_formulas(cell) if is_quoted else cell
        for field, cell in zip(layout.fields, cells, strict=True)
        if field is not None and (cell != "" or (is_quoted and field is ImportField.NAME))
    }


def _read_json(
    lines: _Lines, layout: Layout, fields: dict[str, ImportField | None], *, is_whole: bool
) -> Iterator[Record]:
    mapping = layout.mapping
    lines.begin_record()
    for text in lines:
        lines.begin_record()
        if not text.strip():
            continue
        yield Record(lines.line, lines.offset, lines.line, _object(text, fields, mapping))
    if is_whole and fields:
        check_columns(mapping, fields)


def _object(
    text: str, fields: dict[str, ImportField | None], mapping: Mapping[str, str] | None
) -> Values | None:
    """Return the values of a line of JSON; ``fields`` caches those of its keys."""
    try:
        value = decode_json(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    new = [key for key in value if key not in fields]
    if new:
        fields.update(_fields_of(new, mapping))
        if len(fields) > MAX_KEYS:
            raise columns_error(_("Use at most %(max)d columns.") % {"max": MAX_KEYS})
    used = [field for key in value if (field := fields[key]) is not None]
    if len(set(used)) < len(used):
        # By keys of different spelling.
        return None
    return {
        field: each
        for key, each in value.items()
        if (field := fields[key]) is not None and each is not None
    }


def _fields_of(
    keys: Sequence[str], mapping: Mapping[str, str] | None
) -> dict[str, ImportField | None]:
    """Return the fields of keys that no earlier line had. Raises `InputRejectedError`."""
    if mapping is not None:
        return {key: FIELDS[mapping[key]] if key in mapping else None for key in keys}
    return dict(zip(keys, fields_named(keys), strict=True))
