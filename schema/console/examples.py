"""Example operations of docs/operations, for the console and the tests."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"


@cache
def example_operations() -> list[dict[str, Any]]:
    """Return the operations in the order of `docs/operations/index.toml`.

    The first line of `TOPIC/NAME.graphql` is a comment, the description; `TOPIC/NAME.json` holds
    the variables.
    """
    index = tomllib.loads((OPERATIONS / "index.toml").read_text(encoding="utf-8"))
    operations = []
    for path in (
        OPERATIONS / topic / f"{name}.graphql" for topic, names in index.items() for name in names
    ):
        document = path.read_text(encoding="utf-8")
        variables = path.with_suffix(".json")
        operations.append(
            {
                "name": path.stem,
                "description": document.partition("\n")[0].removeprefix("#").strip(),
                "document": document,
                "variables": variables.read_text(encoding="utf-8") if variables.exists() else "",
            }
        )
    return operations
