"""Example operations of docs/operations, for the console and the tests."""

import json
from functools import cache
from pathlib import Path
from typing import Any

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"


@cache
def example_operations() -> list[dict[str, Any]]:
    """Return the operations in the order of `docs/operations/index.json`, with their variables.

    The first line of `TOPIC/NAME.graphql` is a comment, the description.
    """
    index = json.loads((OPERATIONS / "index.json").read_text(encoding="utf-8"))
    return [
        _operation(OPERATIONS / topic / f"{name}.graphql", variables)
        for topic, operations in index.items()
        for name, variables in operations.items()
    ]


def _operation(path: Path, variables: dict[str, Any]) -> dict[str, Any]:
    document = path.read_text(encoding="utf-8")
    return {
        "name": path.stem,
        "description": document.partition("\n")[0].removeprefix("#").strip(),
        "document": document,
        "variables": json.dumps(variables, ensure_ascii=False, indent=2) if variables else "",
    }
