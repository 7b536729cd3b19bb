"""Formulas in CSV: safe at every separator, and restored by an import."""

import csv
import io
import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from users.exports.formats import ExportFormat
from users.imports.fields import ImportField, ImportFormat, Values
from users.imports.readers import Layout, find_layout, read_records
from users.jobs.spreadsheets import quote_formulas, unquote_formulas

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
TEXT = st.text(st.sampled_from([*"=+-@\uff1d;,\t\r\n'\" aZ\\"]), max_size=12)


def read_csv(data: bytes) -> list[Values]:
    """Return the values of each row, as an import reads them."""
    file = io.BytesIO(data)
    records = read_records(file, find_layout(file, ImportFormat.CSV, None))
    return [record.values or {} for record in records]


@pytest.mark.parametrize("sign", [*SIGNS, "\t", "\r", "\n"])
def test_formulas_are_quoted(sign: str) -> None:
    for text in (f"{sign}1", f"'{sign}1", f"''{sign}"):
        assert quote_formulas(text) == f"'{text}"
    for text in ("", "'", "'x", f"x{sign}1", f" {sign}1", f"a; {sign}"):
        if sign in SIGNS:
            assert quote_formulas(text) == text


@pytest.mark.parametrize("separator", [";", "\t", "\r", "\n"])
def test_formulas_after_separators_of_other_locales_are_quoted(separator: str) -> None:
    assert quote_formulas(f"x{separator}=f()") == f"x{separator}'=f()"
    assert quote_formulas(f"x{separator}\"'=f()") == f"x{separator}'\"'=f()"
    assert quote_formulas(f"x{separator}y=1") == f"x{separator}y=1"


@given(TEXT, TEXT, st.lists(TEXT, max_size=3))
@example("x;=f()", 'y;"=f()', ["z;=f()"])
def test_no_cell_of_an_export_is_a_formula(first: str, second: str, names: list[str]) -> None:
    """Split at each separator, with and without regard to quotation marks."""
    row = {"email": f"m{first}", "name": second, "groups": names}
    data = ExportFormat.CSV.head(list(row)) + ExportFormat.CSV.lines([row])
    for separator in ";\t":
        cells = re.split(f"[{separator}\r\n]", data.decode())
        assert not [cell for cell in cells if cell.lstrip('"')[:1] in {*SIGNS}]
    # As the importer reads them.
    (values,) = read_csv(data)
    assert values[ImportField.EMAIL] == row["email"]
    assert values.get(ImportField.NAME, "") == second
    assert json.loads(values[ImportField.GROUPS]) == names


VALUES = st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=2), max_size=2)


@given(st.lists(st.tuples(TEXT, TEXT, VALUES), min_size=1, max_size=3), st.sampled_from(",;\t"))
@example([("x;'-1", "O;'-Brien", {"k": "x;'=y"})], ",")
@example([("'=1", "''+", {"k;'=": ["'=", ";''@", ";\"'="]})], ";")
def test_import_of_an_export_is_the_identity(
    rows: list[tuple[str, str, Any]], separator: str
) -> None:
    """Also if a spreadsheet saved the file with another separator."""
    names = ("external_id", "name", "public_metadata")
    data = ExportFormat.CSV.head(names)
    data += ExportFormat.CSV.lines(dict(zip(names, row, strict=True)) for row in rows)
    cells = csv.reader(io.StringIO(data.decode(), newline=""))
    saved = io.StringIO(newline="")
    csv.writer(saved, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(cells)
    read = read_csv(saved.getvalue().encode())
    for (external_id, name, metadata), values in zip(rows, read, strict=True):
        assert values.get(ImportField.EXTERNAL_ID, "") == external_id
        assert values.get(ImportField.NAME, "") == name
        assert orjson.loads(values[ImportField.PUBLIC_METADATA]) == metadata


@given(st.lists(TEXT, min_size=1, max_size=3))
@example(["O;'-Brien", "'=abc", "pbkdf2_sha256$1000$ab;'=cd$"])
def test_files_of_others_are_read_as_they_are(names: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
        [["email", "name"], *(["x", each] for each in names)]
    )
    assert [
        values.get(ImportField.NAME, "") for values in read_csv(file.getvalue().encode())
    ] == names


def test_rows_without_the_mark_are_read_as_they_are() -> None:
    data = b"email,name,quoted_formulas\na,'=x,1\nb,'=x,\n"
    assert [values[ImportField.NAME] for values in read_csv(data)] == ["=x", "'=x"]


def test_mapped_files_of_exports_are_unquoted() -> None:
    file = io.BytesIO(b"id,name,quoted_formulas\n7,'=x,1\n")
    layout = find_layout(file, ImportFormat.CSV, {"id": "external_id", "name": "name"})
    (record,) = read_records(file, Layout.from_json(layout.to_json()))
    assert record.values == {ImportField.EXTERNAL_ID: "7", ImportField.NAME: "=x"}


@given(TEXT)
def test_quoting_is_undone(text: str) -> None:
    assert unquote_formulas(quote_formulas(text)) == text
