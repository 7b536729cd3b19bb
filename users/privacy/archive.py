"""The archive of a user's data: one JSON document, streamed to a file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, Final

from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from users.activity.personal_data_registry import DataSubject, PersonalTable, Row, personal_tables

BATCH: Final = 1_000
FORMAT: Final = "roster-export/1"


@contextmanager
def write_archive(subject: DataSubject) -> Iterator["File[bytes]"]:
    """Write the archive to a temporary file, with one batch of rows in memory."""
    with TemporaryFile("w+b") as file:
        for part in _parts(subject):
            file.write(part.encode())
        file.seek(0)
        yield File(file)


def _parts(subject: DataSubject) -> Iterator[str]:
    head = {"format": FORMAT, "created_at": timezone.now(), "person": subject.id}
    yield f"{_json(head).removesuffix('}')},\n"
    yield '"tables": {'
    for number, table in enumerate(filter(_is_exported, personal_tables())):
        yield f"{',' if number else ''}\n{_json(table.model._meta.label)}: ["
        for index, row in enumerate(_rows(table, subject)):
            yield f"{',' if index else ''}\n{_json(row)}"
        yield "]"
    yield "}}\n"


def _is_exported(table: PersonalTable) -> bool:
    return bool(table.exported)


def _rows(table: PersonalTable, subject: DataSubject) -> Iterator[Row]:
    """Yield a subject's rows by primary key, read in batches."""
    for rows in table.row_sets(subject):
        last: Any = None
        ordered = rows.order_by("pk").values("pk", *table.exported)
        while batch := list((ordered.filter(pk__gt=last) if last else ordered)[:BATCH]):
            last = batch[-1]["pk"]
            for row in batch:
                if "pk" not in table.exported:
                    del row["pk"]
                exported = table.export_row(row, subject) if table.export_row else row
                if exported is not None:
                    yield exported


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
