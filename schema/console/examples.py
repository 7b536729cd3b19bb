"""The documented operations, which the console offers and the tests run."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"


@cache
def example_operations() -> list[dict[str, Any]]:
    """Return each operation that `docs/operations/index.toml` lists, in its order.

    `TOPIC/NAME.graphql` begins with a comment that describes it; `NAME.json` beside it has its
    variables.
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
