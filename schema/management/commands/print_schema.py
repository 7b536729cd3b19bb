"""Generate schema.graphql, or check that it is up to date."""

from graphql import build_schema, lexicographic_sort_schema, print_schema

from schema.management.generated import GeneratingCommand
from schema.root import DESCRIPTION, schema


class Command(GeneratingCommand):
    """Prints the SDL in lexicographic order, so that diffs show changes only."""

    help = "Prints the GraphQL schema, sorted and described."
    target = "schema"

    def text(self) -> str:
        """Return the SDL."""
        # Strawberry's `sort_schema` breaks enum inputs, so the printed SDL is parsed and sorted.
        sdl = build_schema(schema.as_str())
        # Strawberry's printer omits the schema's description.
        sdl.description = DESCRIPTION
        return print_schema(lexicographic_sort_schema(sdl)) + "\n"
