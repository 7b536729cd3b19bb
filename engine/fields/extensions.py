"""Extensions of fields that the engine knows, so that it need not refuse the field.

Each does for single objects, in graphql-core's execution, what the engine does for whole levels.
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
    """The field of an object is null unless the requester may read it."""

    # What of the object decides about it, as Django names it.
    attribute: ClassVar[str] = "pk"

    def allows_all(self, context: Any) -> bool:  # noqa: ARG002 - for those that look at it
        """Return whether the field may be read of every object, whatever the attributes are."""
        return False

    @abstractmethod
    def allows(self, context: Any, values: Sequence[Any]) -> Sequence[bool]:
        """Return, by the attributes of some objects, whether the field may be read of each."""

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Resolve the field of one object if that is allowed."""
        (allowed,) = self.allows(info.context, [getattr(source, self.attribute)])
        return next_(source, info, **kwargs) if allowed else None


class ReadExtension(FieldExtension, ABC):
    """Resolves the field itself, below objects of models."""

    @abstractmethod
    def reader(self, reader: LevelReader, selected: SelectedField) -> ReadColumn:
        """Return what reads the field for a level of records."""


class DescriptionExtension(FieldExtension):
    """Describes the field, and changes nothing about how it is resolved."""

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Change nothing."""
        return next_(source, info, **kwargs)
