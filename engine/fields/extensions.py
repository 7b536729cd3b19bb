"""Field extensions that the engine accepts; it refuses fields with others.

In graphql-core's execution, each does for one object what the engine does for a level.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Protocol

from django.db.models import Model
from strawberry import Info
from strawberry.extensions import FieldExtension

from engine.execution import Execution
from engine.plan.selection import SelectedField, finish_column
from engine.result.completion import Column
from engine.result.rows import RowColumns


@dataclass(frozen=True, slots=True, eq=False)
class FieldReader(ABC):
    """Reads a field: from the rows of a level to a column of the response.

    It is compiled for one visibility, and shared by the threads of all requests of it.
    """

    selected: SelectedField

    @property
    @abstractmethod
    def strategy(self) -> str:
        """How the field is read, as `engine.explain` prints it."""

    @abstractmethod
    def read(self, execution: Execution, records: RowColumns) -> Column:
        """Return the field of all objects. An exception fails it for all of them."""

    def column(self, execution: Execution, records: RowColumns) -> Column:
        """Return the field of all objects; error cells if it cannot be read."""
        try:
            return self.read(execution, records)
        except Exception as error:  # noqa: BLE001 - any error is the field's
            cells = [self.selected.place.error_cell(error) for _record in range(records.size)]
            return finish_column(self.selected, Column(cells, is_error_free=False))


class LevelColumns(Protocol):
    """The columns of a level of a model's objects, while its readers are compiled."""

    model: type[Model]

    def column_index(self, path: str) -> int:
        """Return where the column at the path, in Django's notation, will be in the rows."""


class FieldRule(FieldExtension, ABC):
    """A rule that makes a field null where the requester may not read it."""

    # The attributes of the object that decide, by their names in Django.
    attributes: ClassVar[tuple[str, ...]] = ("pk",)
    # Whether the requester and the attributes alone decide: see `engine.fields.dependencies`.
    is_covered: ClassVar[bool] = False

    def allows_all(self, context: Any) -> bool:  # noqa: ARG002 - for those that look at it
        """Return whether the field may be read of all objects."""
        return False

    @abstractmethod
    def allows(self, context: Any, values: Sequence[Any]) -> Sequence[bool]:
        """Return whether the field may be read of each object, by their attributes.

        ``values`` are those of the only attribute, or tuples of those of several.
        """

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Resolve the field of one object, or return None."""
        (allowed,) = self.allows(info.context, [attrgetter(*self.attributes)(source)])
        return next_(source, info, **kwargs) if allowed else None


class ReadExtension(FieldExtension, ABC):
    """An extension that reads the field itself, below rows."""

    @abstractmethod
    def reader(self, level: LevelColumns, selected: SelectedField) -> FieldReader:
        """Compile what reads the field."""


class PluralExtension(FieldExtension, ABC):
    """An extension that reads the objects whose keys the resolver returns, of several types."""


class DescriptionExtension(FieldExtension):
    """An extension that changes the field's description only."""

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Resolve the field unchanged."""
        return next_(source, info, **kwargs)
