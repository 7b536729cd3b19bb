"""Write the tables of errors, scopes and limits, or check that a file has them."""

from schema.management.generated import GeneratingCommand
from schema.reference import reference


class Command(GeneratingCommand):
    """Documents what the code declares."""

    help = "Prints the API's reference: errors, scopes and limits."
    target = "reference"

    def text(self) -> str:
        """Return the page."""
        return reference()
