"""GraphQL enums from the domain's enums, which do not depend on GraphQL."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry

from schema.descriptions import docstring


def describe_enum(enum: type[Enum], values: Mapping[Any, str] | None = None) -> None:
    """Register a Python enum as a GraphQL enum, described by its docstring.

    ``values`` are the descriptions of its members; by default each member's `description`.
    """
    strawberry.enum(enum, description=docstring(enum))
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        member = enum(value.value)
        value.description = member.description if values is None else values[member]  # type: ignore[attr-defined]
