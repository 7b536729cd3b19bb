"""The report of the rows that an import skipped."""

import csv
import io

from core.security.actor import Actor
from users.imports.models import SkippedRow, UserImport
from users.jobs.spreadsheets import quote_formulas


def skipped_rows_csv(user_import: UserImport, *, actor: Actor) -> str:
    """Return the skipped rows that the actor may see as CSV; at most 10,000."""
    rows = SkippedRow.objects.visible_to(actor).filter(user_import=user_import).in_order()
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["line", "external_id", "code", "field", "message"])
    writer.writerows(
        [row.line, quote_formulas(row.external_id), row.code, row.field, row.message]
        for row in rows
    )
    return file.getvalue()
