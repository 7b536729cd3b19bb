"""The reader of a level: from rows to the objects of the response."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.execution import Execution
from engine.fields.extensions import FieldReader
from engine.plan.selection import Selection
from engine.result.bounds import Widths
from engine.result.completion import Column, assemble_objects
from engine.result.rows import RowColumns


@dataclass(frozen=True, slots=True, eq=False)
class ObjectReader:
    """Reads what is selected of a model's objects, each field by its own reader."""

    selection: Selection
    fields: Sequence[FieldReader]
    widths: Widths

    def column(self, execution: Execution, records: RowColumns) -> Column:
        """Return the objects."""
        columns = [each.column(execution, records) for each in self.fields]
        bounds = execution.bounds
        bounds.check_time()
        bounds.add_level(self.widths, columns, records.size)
        if execution.trace is not None:
            execution.readers[id(self.selection)] = self
        return assemble_objects(self.selection.object_factory, columns, records.size)
