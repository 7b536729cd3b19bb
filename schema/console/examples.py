"""Example operations of docs/operations, for the console and the tests."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
_TITLES: Final = {"api-tokens": "API tokens"}


def example_names() -> list[str]:
    """Return the names of the operations."""
    return [name for operations in _index().values() for name in operations]


def _index() -> dict[str, dict[str, Any]]:
    """Return the variables of the operations, by topic and name."""
    found: dict[str, dict[str, Any]] = json.loads(
        (OPERATIONS / "index.json").read_text(encoding="utf-8")
    )
    return found


@cache
def example_operations() -> list[dict[str, Any]]:
    """Return the operations in the order of `docs/operations/index.json`, with their variables.

    The first line of `TOPIC/NAME.graphql` is a comment, the description. In variables, `<user id>`
    and its like are placeholders, which the console replaces by ids of the signed-in user.
    """
    return [
        _operation(topic, name, variables)
        for topic, operations in _index().items()
        for name, variables in operations.items()
    ]


def _operation(topic: str, name: str, variables: dict[str, Any]) -> dict[str, Any]:
    document = (OPERATIONS / topic / f"{name}.graphql").read_text(encoding="utf-8")
    return {
        "topic": _TITLES.get(topic) or topic.replace("-", " ").capitalize(),
        "name": name,
        "description": document.partition("\n")[0].removeprefix("#").strip(),
        "document": document,
        "variables": json.dumps(variables, ensure_ascii=False, indent=2) if variables else "",
    }
