"""The report of the rows that an import skipped."""

import csv
import io
from collections.abc import Iterator

from core.security.actor import Actor
from users.imports.models import SkippedRow, UserImport


def skipped_rows_csv(user_import: UserImport, *, actor: Actor) -> Iterator[str]:
    """Yield the skipped rows as CSV, if the actor may see them."""
    rows = SkippedRow.objects.visible_to(actor).filter(user_import=user_import).in_order()
    yield _line("line", "code", "field")
    for values in rows.values_list("line", "code", "field"):
        yield _line(*values)


def _line(*cells: object) -> str:
    file = io.StringIO()
    csv.writer(file).writerow(cells)
    return file.getvalue()
