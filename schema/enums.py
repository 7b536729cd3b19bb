"""Enums of the domain, which knows nothing of GraphQL, as GraphQL enums."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry


def describe_enum(enum: type[Enum], description: str, values: Mapping[Any, str]) -> None:
    """Make a GraphQL enum of a Python one, with a description of it and of each value."""
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[enum(value.value)]
