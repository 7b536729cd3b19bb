"""Readers of fields that are columns of the level's rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.execution import Execution
from engine.fields.extensions import FieldReader, FieldRule
from engine.read.global_ids import global_ids
from engine.result.completion import Column, refuse_nulls
from engine.result.rows import RowColumns, scatter
from engine.sql.keys import to_python_values


@dataclass(frozen=True, slots=True, eq=False)
class TypenameReader(FieldReader):
    """Repeats the name of the type."""

    @property
    def strategy(self) -> str:
        """The name is in no column."""
        return "name of the type"

    def read(self, execution: Execution, records: RowColumns) -> Column:  # noqa: ARG002
        """Return the name for each object."""
        return Column([self.selected.parent.name] * records.size)


@dataclass(frozen=True, slots=True, eq=False)
class ColumnReader(FieldReader):
    """Reads a column."""

    index: int
    name: str

    @property
    def strategy(self) -> str:
        """The column's name, if it has one of its own."""
        return self.name

    def read(self, execution: Execution, records: RowColumns) -> Column:  # noqa: ARG002
        """Return the column's values, completed."""
        return self.selected.complete_values(records.columns[self.index], _no_objects)


@dataclass(frozen=True, slots=True, eq=False)
class TextReader(ColumnReader):
    """Reads a column of texts, which need no completion."""

    def read(self, execution: Execution, records: RowColumns) -> Column:  # noqa: ARG002
        """Return the column's values."""
        return Column(records.columns[self.index])


@dataclass(frozen=True, slots=True, eq=False)
class RelayIdReader(ColumnReader):
    """Makes global ids of a column."""

    def read(self, execution: Execution, records: RowColumns) -> Column:  # noqa: ARG002
        """Return the ids."""
        return Column(global_ids(self.selected.parent.name, records.columns[self.index]))


@dataclass(frozen=True, slots=True, eq=False)
class RuledReader(FieldReader):
    """Reads a field of those objects for which a rule allows it, by another reader."""

    reader: FieldReader
    rule: FieldRule
    # The model fields by which the rule decides, and the indexes of their columns.
    attributes: tuple[Any, ...]
    indexes: tuple[int, ...]

    @property
    def strategy(self) -> str:
        """The other reader's, and the rule."""
        return f"{self.reader.strategy}, by the rule {type(self.rule).__name__}"

    def read(self, execution: Execution, records: RowColumns) -> Column:
        """Return null for the objects of which the field may not be read."""
        if self.rule.allows_all(execution.context):
            return self.reader.column(execution, records)

        def compute_mask() -> Sequence[bool]:
            columns = [
                to_python_values(field, records.columns[index])
                for field, index in zip(self.attributes, self.indexes, strict=True)
            ]
            values = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
            return self.rule.allows(execution.context, values)

        mask = records.cached((type(self.rule), self.indexes), compute_mask)
        column = scatter(self.reader.column(execution, records.where(mask)), mask)
        # Null means that the field may not be read; a non-null field fails instead.
        selected = self.selected
        return refuse_nulls(column, selected.place) if selected.is_required else column


def _no_objects(_values: Sequence[Any]) -> Column:
    raise TypeError("A leaf has no fields.")
