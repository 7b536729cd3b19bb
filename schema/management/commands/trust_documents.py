"""Trust the documents of a client's release, or withdraw them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from graphql import GraphQLError

from schema.documents.document import Document
from schema.http.execution import problems
from schema.trusted.lookup import SECONDS
from schema.trusted.manifests import Entry, ManifestError, read_manifest
from schema.trusted.services import ConflictError, trust, withdraw


class Command(BaseCommand):
    """`manage.py trust_documents FILE…`. All documents are trusted, or none."""

    help = "Trusts all documents of manifests of graphql-codegen, Relay or Apollo, or none."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the manifests."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="A manifest.")
        parser.add_argument(
            "--withdraw",
            action="store_true",
            help=f"Stop trusting them; web processes notice within {SECONDS:.0f} seconds.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Trust or withdraw. Raises `CommandError`, which names all documents that are invalid."""
        manifests = {path: _manifest(path) for path in options["files"]}
        entries = [entry for manifest in manifests.values() for entry in manifest]
        if options["withdraw"]:
            self.stdout.write(f"Withdrew {withdraw(entries)} documents.")
            return
        invalid = [
            line for path, manifest in manifests.items() for line in _invalid(path, manifest)
        ]
        if invalid:
            lines = "".join(f"\n{line}" for line in invalid)
            raise CommandError(f"Nothing was trusted. Correct these documents:{lines}")
        try:
            found = trust(entries)
        except ConflictError as error:
            raise CommandError(f"Nothing was trusted. {error}.") from None
        self.stdout.write(f"Trusted {found.added} documents; {found.known} were trusted before.")


def _manifest(path: Path) -> list[Entry]:
    try:
        return read_manifest(path)
    except ManifestError as error:
        raise CommandError(f"Nothing was changed. {path}: {error}.") from None


def _invalid(path: Path, manifest: list[Entry]) -> Iterator[str]:
    """Yield a line for each problem of a document."""
    for entry in manifest:
        for error in _problems(entry.text):
            place = error.locations[0] if error.locations else None
            at = f":{place.line}:{place.column}" if place else ""
            yield f"{path}: {entry}{at}: {error.message}"


def _problems(text: str) -> list[GraphQLError]:
    try:
        return problems(Document(text))
    except GraphQLError as error:
        return [error]
