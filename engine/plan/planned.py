"""What layers above a plan compute of its parts."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class PlannedOnce:
    """A part of a plan, of which layers above compute facts once."""

    def __init__(self) -> None:
        """Start with nothing computed."""
        self._planned: dict[Hashable, Any] = {}

    def planned(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of the key, which depends on the plan only; made once."""
        found: T | None = self._planned.get(key)
        if found is None:
            found = self._planned[key] = make()
        return found
