"""Write the schema as SDL, or check that a file has it."""

from graphql import build_schema, lexicographic_sort_schema, print_schema

from schema.management.generated import GeneratingCommand
from schema.root import schema


class Command(GeneratingCommand):
    """Sorted, so that a change of the schema is the only thing that changes the file."""

    help = "Prints the GraphQL schema, sorted and described."
    target = "schema"

    def text(self) -> str:
        """Return the SDL."""
        # Strawberry's own `sort_schema` breaks enum inputs, so the printed text is sorted.
        return print_schema(lexicographic_sort_schema(build_schema(schema.as_str()))) + "\n"
