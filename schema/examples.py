"""The documented operations, which the console offers and the tests run."""

from functools import cache
from pathlib import Path
from typing import Any

OPERATIONS = Path(__file__).resolve().parent.parent / "docs" / "operations"


@cache
def example_operations() -> list[dict[str, Any]]:
    """Return each `docs/operations/*.graphql`, in the order of their numbered names.

    A file begins with a comment that describes it; `NAME.json` beside it has its variables.
    """
    operations = []
    for path in sorted(OPERATIONS.glob("*.graphql")):
        document = path.read_text(encoding="utf-8")
        variables = path.with_suffix(".json")
        operations.append(
            {
                "name": path.stem.split("-", 1)[1],
                "description": document.partition("\n")[0].removeprefix("#").strip(),
                "document": document,
                "variables": variables.read_text(encoding="utf-8") if variables.exists() else "",
            }
        )
    return operations
