"""Enums of the domain, which knows nothing of GraphQL, as GraphQL enums."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry

from schema.descriptions import docstring


def describe_enum(enum: type[Enum], values: Mapping[Any, str] | None = None) -> None:
    """Make a GraphQL enum of a Python one, described by its docstring.

    ``values`` describe its members, which may also have a `description` of their own.
    """
    strawberry.enum(enum, description=docstring(enum))
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        member = enum(value.value)
        value.description = member.description if values is None else values[member]  # type: ignore[attr-defined]
