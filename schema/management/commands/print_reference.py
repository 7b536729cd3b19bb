"""Generate docs/reference.md, or check that it is up to date."""

from schema.management.generated import GeneratingCommand
from schema.reference import reference


class Command(GeneratingCommand):
    """Prints the tables of errors, scopes and limits."""

    help = "Prints the API's reference: errors, scopes and limits."
    target = "reference"

    def text(self) -> str:
        """Return the page's Markdown."""
        return reference()
