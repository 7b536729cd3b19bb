"""Changes of the trusted documents."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction

from schema.trusted.identifiers import digest_of
from schema.trusted.manifests import Entry
from schema.trusted.models import TrustedDocument

BATCH_SIZE = 500


class ConflictError(ValueError):
    """An id is trusted with another text."""


class Trusted(NamedTuple):
    """How many documents are trusted now that were not, and how many were."""

    added: int
    known: int


def trust(entries: Iterable[Entry]) -> Trusted:
    """Store all documents, or none. Raises `ConflictError`."""
    texts: dict[str, Entry] = {}
    for entry in entries:
        if texts.setdefault(entry.key, entry).text != entry.text:
            raise ConflictError(f"{entry}: the manifests have two documents with this id")
    rows = [
        TrustedDocument(id=key, sha256=digest_of(entry.text), text=entry.text)
        for key, entry in sorted(texts.items())
    ]
    with transaction.atomic(durable=True):
        before = TrustedDocument.objects.filter(pk__in=texts).count()
        # Another release may be trusted at the same time.
        TrustedDocument.objects.bulk_create(rows, BATCH_SIZE, ignore_conflicts=True)
        stored = TrustedDocument.objects.in_bulk(list(texts))
        for key, entry in texts.items():
            if stored[key].text != entry.text:
                raise ConflictError(f"{entry}: the id is trusted with another document")
    return Trusted(len(rows) - before, before)


def withdraw(entries: Iterable[Entry]) -> int:
    """Delete documents; return how many were trusted."""
    keys = {entry.key for entry in entries}
    deleted, _by_model = TrustedDocument.objects.filter(pk__in=keys).delete()
    return deleted
