"""The names of operations in metrics, logs and traces.

Clients choose names, so only known ones are shown: a metric has a series for each.
"""

from typing import Final

from core.telemetry.requests import OTHER
from schema.console.documents import CONSOLE_DOCUMENT_IDS
from schema.console.examples import example_names
from schema.documents.document import Document
from schema.trusted.names import trusted_names

DOCUMENTED: Final = frozenset({*CONSOLE_DOCUMENT_IDS, *example_names()})
# Of the requests with several operations.
BATCH: Final = "batch"


def shown_name(document: Document, name: str | None) -> str:
    """Return the name of an operation if it is documented or trusted, else `OTHER`."""
    found = document.operation_name(name)
    return found if found in DOCUMENTED or found in trusted_names else OTHER
