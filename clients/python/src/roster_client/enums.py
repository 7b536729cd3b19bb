"""Enums to which a newer service may add values."""

from __future__ import annotations

from enum import Enum


class OpenEnum(str, Enum):
    """An enum of the schema, of which unknown values become members."""

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member
