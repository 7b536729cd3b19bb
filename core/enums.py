"""Enums whose members say what they mean."""

from enum import StrEnum
from typing import Self


class DescribedEnum(StrEnum):
    """Members are declared as a value and a description."""

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        """Make a member that is its value and knows what it means."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member
