"""Enums with described members."""

from enum import StrEnum
from typing import Self


class DescribedEnum(StrEnum):
    """An enum whose members are declared as a value and a description."""

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        """Create a member that equals its value and has a description."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member
