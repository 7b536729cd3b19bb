"""Field extensions that the engine accepts; it refuses fields with others.

In graphql-core's execution, each does for one object what the engine does for a level.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

from django.db.models import Model
from strawberry import Info
from strawberry.extensions import FieldExtension

from engine.execution import Execution
from engine.plan.selection import SelectedField
from engine.result.completion import Column
from engine.result.rows import RowColumns

# Reads a field: from the rows of a level to a column of the answer.
ReadColumn: TypeAlias = Callable[[Execution, RowColumns], Column]


class LevelReader(Protocol):
    """Reads what is selected of a model's objects, from the rows of one level."""

    model: type[Model]

    def column_index(self, path: str) -> int:
        """Return where the column at the path, in Django's notation, will be in the rows."""


class FieldRule(FieldExtension, ABC):
    """A rule that makes a field null where the requester may not read it."""

    # The attribute of the object that decides, by its name in Django.
    attribute: ClassVar[str] = "pk"

    def allows_all(self, context: Any) -> bool:  # noqa: ARG002 - for those that look at it
        """Return whether the field may be read of all objects."""
        return False

    @abstractmethod
    def allows(self, context: Any, values: Sequence[Any]) -> Sequence[bool]:
        """Return whether the field may be read of each object, by their attributes."""

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Resolve the field of one object, or return None."""
        (allowed,) = self.allows(info.context, [getattr(source, self.attribute)])
        return next_(source, info, **kwargs) if allowed else None


class ReadExtension(FieldExtension, ABC):
    """An extension that reads the field itself, below rows."""

    @abstractmethod
    def reader(self, reader: LevelReader, selected: SelectedField) -> ReadColumn:
        """Return what reads the field for a level."""


class DescriptionExtension(FieldExtension):
    """An extension that changes the field's description only."""

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Resolve the field unchanged."""
        return next_(source, info, **kwargs)
