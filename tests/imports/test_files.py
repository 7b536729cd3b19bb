"""Files of users: encodings, headers, limits, and records that may begin anywhere."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputRejectedError
from tests.support.imports import csv_of, start
from users.accounts.models import User
from users.imports import readers
from users.imports.fields import FIELDS, ImportField, ImportFormat
from users.imports.models import UserImport
from users.imports.readers import MAX_RECORD, Layout, Record, find_layout, read_records
from users.imports.services import start as start_service
from users.jobs.spreadsheets import MARK, MARK_COLUMN, quote_formulas

EMAIL, NAME = ImportField.EMAIL, ImportField.NAME
JSON = ImportFormat.JSON_LINES


def records_of(data: bytes, format_: ImportFormat = ImportFormat.CSV) -> list[Record]:
    file = io.BytesIO(data)
    return list(read_records(file, find_layout(file, format_, None)))


def values_of(data: bytes, format_: ImportFormat = ImportFormat.CSV) -> list[Any]:
    return [record.values for record in records_of(data, format_)]


def problem_of(data: bytes, format_: ImportFormat = ImportFormat.CSV) -> tuple[str, str]:
    with pytest.raises(InputRejectedError) as caught:
        records_of(data, format_)
    (problem,) = caught.value.problems
    assert problem.field == ("file",)
    return problem.code, str(problem.message)


@pytest.mark.parametrize(
    "data",
    [
        b"email,name\na@b.example,Ann\n",
        b"\xef\xbb\xbfemail,name\r\na@b.example,Ann\r\n",
        b"email;name\na@b.example;Ann",
        b"email\tname\na@b.example\tAnn",
        b'"email","name"\n"a@b.example","Ann"',
        b"E-Mail, NAME\na@b.example,Ann",
        b"name,email\n\nAnn,a@b.example\n\n",
    ],
    ids=["plain", "BOM and CRLF", "semicolons", "tabs", "quoted", "spelling", "empty lines"],
)
def test_forms_of_csv(data: bytes) -> None:
    assert values_of(data) == [{EMAIL: "a@b.example", NAME: "Ann"}]


def test_quoted_line_breaks_and_empty_cells() -> None:
    data = b'email,name\na@b.example,"Ann\nB. ""C"""\nx@b.example,\ny@b.example,"\r\n"'
    records = records_of(data)
    assert [record.values for record in records] == [
        {EMAIL: "a@b.example", NAME: 'Ann\nB. "C"'},
        {EMAIL: "x@b.example"},
        {EMAIL: "y@b.example", NAME: "\r\n"},
    ]
    assert [(record.line, record.end_line) for record in records] == [(2, 3), (4, 4), (5, 6)]


@pytest.mark.parametrize("text", ["=1+1", "'=1", "+49", "-", "@x", "O'Neil", "'quoted'", "\tx"])
def test_quoted_formulas_of_exports_are_read_again(text: str) -> None:
    row = {"email": "a@b.example", "name": quote_formulas(text)}
    assert values_of(csv_of(row | {MARK_COLUMN: MARK})) == [{EMAIL: "a@b.example", NAME: text}]
    assert values_of(csv_of(row)) == [{EMAIL: "a@b.example", NAME: row["name"]}]


def test_bom_and_line_ends_of_json() -> None:
    data = b'\xef\xbb\xbf{"email": "a@b.example"}\r\n\r\n{"name": null}'
    assert values_of(data, ImportFormat.JSON_LINES) == [{EMAIL: "a@b.example"}, {}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no header"),
        (b"\n", "no header"),
        (b"PK\x03\x04...", "ZIP"),
        (b"PK\x05\x06" + bytes(18), "ZIP"),
        (b"\x1f\x8b\x08...", "gzip"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        ("email\na@b.example".encode("utf-16"), "UTF-16"),
        ("email\na@b.example".encode("utf-32"), "UTF-32"),
        ("email\na@b.example".encode("utf-16-le"), "Encode"),
        ("email\na@b.example".encode("utf-32-be"), "Encode"),
        ("\u3042\u3044\u3046\u3048,email\na,b".encode("utf-16-le"), "Encode"),
        (b"email,na\0me\na@b.example", "Line 1: Encode"),
        (b"email,name\ra@b.example,x\rb@b.example,y", "not by CR"),
        (b"email,name\r" * MAX_RECORD, "not by CR"),
        (b"email\nJos\xe9@b.example", "Line 2: Encode"),
        (b"email,name\na@b.example,x\nb@b.example,\xff", "Line 3: Encode"),
        (b'email\n"a', "Line 2: The quotation marks"),
        (b'email,name\n"a"b,c', "Line 2: The quotation marks"),
        (b"email\na\rb", "Line 2: The quotation marks"),
        (b'email\n"' + b"x" * MAX_RECORD, "Line 2: The row is too long"),
        (b'email\n"' + b"x\n" * MAX_RECORD, "The row is too long"),
        (b"x" * 10 * MAX_RECORD, "Line 1: The row is too long"),
    ],
)
def test_unreadable_file_is_refused(data: bytes, words: str) -> None:
    code, message = problem_of(data)
    assert code == "FILE_INVALID"
    assert words in message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"email,email\n", "same name"),
        (b"email,e_mail\n", "same field"),
        (b"name\n", "must have the e-mail address"),
        (b"email,phone\n", "phone"),
        (b"email,\n", "No field"),
        (b"email," + b",".join(b"c%d" % number for number in range(10_000)), "100 columns"),
    ],
)
def test_wrong_headers_are_refused(data: bytes, words: str) -> None:
    code, message = problem_of(data)
    assert code == "COLUMNS_INVALID"
    assert words in message


def test_unknown_keys_of_json_are_refused() -> None:
    data = b'{"email": "a@b.example"}\n{"phone": 5}'
    code, message = problem_of(data, ImportFormat.JSON_LINES)
    assert (code, "phone" in message) == ("COLUMNS_INVALID", True)


def test_keys_of_json_are_bounded() -> None:
    lines = b"\n".join(b'{"k%d": 1}' % number for number in range(2_000))
    file = io.BytesIO(lines)
    layout = find_layout(file, ImportFormat.JSON_LINES, {"email": "email"})
    with pytest.raises(InputRejectedError):
        list(read_records(file, layout))


@pytest.mark.parametrize(
    "line",
    [
        b'{"email": "a@b.example", "email": "c@b.example"}',
        b'{"email": "a@b.example", "e\\u006dail": "c@b.example"}',
        b'{"email": "a@b.example", "E-Mail": "c@b.example"}',
        b'{"email": "a@b.example", "public_metadata": {"plan": 1, "plan": 2}}',
        b'{"email": "a@b.example", "groups": [{"x": 1, "x": 1}]}',
    ],
    ids=["same", "escaped", "spelling", "nested", "in a list"],
)
def test_repeated_keys_of_json_are_an_error_of_the_row(line: bytes) -> None:
    data = line + b'\n{"email": "d@b.example", "public_metadata": {"email": 1}}'
    assert [values and values[EMAIL] for values in values_of(data, JSON)] == [None, "d@b.example"]


@pytest.mark.parametrize(
    "value", [b"[" * 990 + b"]" * 990, b"1" + b"0" * 5_000, b"0." + b"1" * 9_999, b"1e999"]
)
def test_extreme_values_of_json_are_read_or_an_error_of_the_row(value: bytes) -> None:
    (values,) = values_of(b'{"email": "a@b.example", "public_metadata": %s}' % value, JSON)
    assert values is None or values[EMAIL] == "a@b.example"


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"Mail": "email"}, "no such column: Mail"),
        ({"email": "email", "name": "email"}, "same field"),
        ({"name": "name"}, "must have the e-mail address"),
    ],
)
def test_mapping_must_fit_the_columns(mapping: dict[str, str], words: str) -> None:
    with pytest.raises(InputRejectedError) as caught:
        find_layout(io.BytesIO(b"email,name\n"), ImportFormat.CSV, mapping)
    assert words in str(caught.value.problems[0].message)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"Mail": "email", "other": "name"}, "no such column: other"),
        ({}, "must have the e-mail address"),
        ({"Mail": "email", "name": "email"}, "same field"),
    ],
)
def test_mapping_must_fit_the_keys_of_json(mapping: dict[str, str], words: str) -> None:
    file = io.BytesIO(b'{"Mail": "a@b.example"}\n{"name": "x"}\n')
    with pytest.raises(InputRejectedError) as caught:
        list(read_records(file, find_layout(file, JSON, mapping)))
    assert caught.value.problems[0].code == "COLUMNS_INVALID"
    assert words in str(caught.value.problems[0].message)


def test_mapped_keys_may_be_in_any_line_of_json() -> None:
    file = io.BytesIO(b'{"Mail": "a@b.example"}\n{"Mail": "b@b.example", "n": "x"}\n')
    layout = find_layout(file, JSON, {"Mail": "email", "n": "name"})
    first, second = read_records(file, layout)
    assert second.values == {EMAIL: "b@b.example", NAME: "x"}
    # Those that are left need not have all.
    assert [*read_records(file, layout, offset=first.end, line=1)] == [second]


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"email": st.text(min_size=1, max_size=9), "name": st.text(max_size=9)}
        ),
        min_size=1,
        max_size=6,
    )
)
def test_reading_may_continue_after_any_record(rows: list[dict[str, str]]) -> None:
    file = io.BytesIO(csv_of(*rows))
    layout = find_layout(file, ImportFormat.CSV, None)
    records = list(read_records(file, Layout.from_json(layout.to_json())))
    for number, record in enumerate(records):
        rest = list(read_records(file, layout, offset=record.end, line=record.end_line))
        assert rest == records[number + 1 :]
    assert [record.values for record in records] == [
        {FIELDS[name]: value for name, value in row.items() if value} for row in rows
    ]


# The start of an import ------------------------------------------------------------------


def problems_of(user: User, data: bytes, **options: Any) -> list[tuple[str, ...]]:
    with pytest.raises(InputRejectedError) as caught:
        start(user, data, **options)
    assert not UserImport.objects.exists()
    return [(problem.code, *problem.field) for problem in caught.value.problems]


def test_file_without_rows_is_refused(root: User) -> None:
    assert problems_of(root, b"email\n\n") == [("FILE_INVALID", "file")]


def test_malformed_end_refuses_the_whole_file(root: User) -> None:
    data = b"email\na@example.org\n" + b"\xff"
    assert problems_of(root, data) == [("FILE_INVALID", "file")]
    assert list(User.objects.all()) == [root]


def test_too_large_files_are_refused(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"email\n" + b"a@example.org\n" * 10
    assert problems_of(root, data, max_bytes=100) == [("FILE_TOO_LARGE", "file")]
    monkeypatch.setattr(start_service, "MAX_ROWS", 9)
    assert problems_of(root, data) == [("FILE_TOO_LARGE", "file")]


def test_long_source_is_refused(root: User) -> None:
    data = b"email\na@example.org"
    assert problems_of(root, data, source="x" * 51) == [("VALUE_INVALID", "source")]


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        (ImportFormat.CSV, b"email,passwordHash,passwordSalt\na@example.org,x,y"),
        (ImportFormat.JSON_LINES, b'{"email": "a@example.org"}\n{"passwordSalt": "y"}'),
    ],
)
def test_salts_need_the_parameters_of_firebase(
    root: User, settings: Any, format_: ImportFormat, data: bytes
) -> None:
    settings.FIREBASE_SCRYPT = {}
    assert problems_of(root, data, format_=format_) == [("COLUMNS_INVALID", "file")]


def test_lines_are_read_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_RECORD", 50)
    sizes: list[int] = []

    class File(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            sizes.append(size or 0)
            return super().readline(size)

    file = File(b"email\n" + b"a@example.org\n" * 100)
    layout = find_layout(file, ImportFormat.CSV, None)
    assert len(list(read_records(file, layout))) == 100
    assert set(sizes) == {51}
