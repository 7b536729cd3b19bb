"""Readers: from columns of a model to the objects of the answer.

Only fields with a resolver of their own get model instances.
"""

from collections.abc import Sequence
from typing import Any, cast

from django.db import models
from django.db.models.constants import LOOKUP_SEP
from graphql.pyutils import Path
from strawberry import Info, relay

from engine.execution import Execution
from engine.fields.declarations import (
    definition_of,
    django_field,
    django_result,
    is_column,
    is_relay_id,
    is_string,
    is_text,
    model_field,
)
from engine.fields.extensions import FieldRule, ReadColumn, ReadExtension
from engine.internals.strawberry import ANNOTATION_OF_FIELD, core_info, make_info
from engine.plan.arguments import IMMUTABLE
from engine.plan.selection import TYPENAME, SelectedField, Selection, finish_column
from engine.read.global_ids import global_ids
from engine.read.instances import make_instances
from engine.read.layout import ALL, InfoExpression, Layout
from engine.read.relations import read_relation
from engine.read.widths import widths_of
from engine.result.completion import Column, assemble_objects, refuse_nulls
from engine.result.rows import RowColumns, scatter
from engine.sql.keys import to_python_values


class Reader:
    """Reads what is selected of a model's objects, from columns with a prefix.

    A reader is for one visibility: objects that are visible to all requests of it are joined,
    others are read by a statement of their own.
    """

    def __init__(
        self,
        execution: Execution,
        selection: Selection,
        layout: Layout,
        model: type[models.Model],
        prefix: str = "",
    ) -> None:
        """Register all columns with the layout."""
        self.execution = execution
        self.selection = selection
        self.layout = layout
        self.model = model
        self.prefix = prefix
        self.instance_paths: dict[str, int] = {}
        # Annotations of the resolver's queryset, by name, for resolvers that read them.
        self.carried: dict[str, tuple[int, Any]] = {}
        self.column_readers = [self._column_reader(each) for each in selection.fields]
        self.widths = widths_of(selection)
        # A reader outlives the request that it is compiled for.
        del self.execution

    def child(
        self, selection: Selection, layout: Layout, model: type[models.Model], prefix: str = ""
    ) -> "Reader":
        """Compile a reader of a field's objects, while this one is compiled."""
        return Reader(self.execution, selection, layout, model, prefix)

    def carry(self, rows: models.QuerySet[Any]) -> None:
        """Register the annotations of the queryset, if instances are made. Call before `select`."""
        if self.instance_paths:
            for name, expression in rows.query.annotation_select.items():
                self.carried[name] = (self.layout.index(name), expression.output_field)

    def column(self, execution: Execution, records: RowColumns) -> Column:
        """Return the objects."""
        columns = [read(execution, records) for read in self.column_readers]
        execution.bounds.check_time()
        execution.bounds.add_level(self.widths, columns, records.size)
        return assemble_objects(self.selection.object_factory, columns, records.size)

    def _column_reader(self, selected: SelectedField) -> ReadColumn:
        if selected.name == TYPENAME:
            name = self.selection.type.name
            return lambda _execution, records: Column([name] * records.size)
        read = _catch_errors(selected, self._without_rules(selected))
        for extension in django_field(selected).extensions:
            if isinstance(extension, FieldRule):
                read = self._with_rule(selected, read, extension)
        return read

    def _with_rule(self, selected: SelectedField, read: ReadColumn, rule: FieldRule) -> ReadColumn:
        index = self.column_index(rule.attribute)
        attribute = next(
            each
            for each in self.model._meta.concrete_fields
            if rule.attribute in {each.attname, ALL if each.primary_key else ""}
        )

        def read_if_allowed(execution: Execution, records: RowColumns) -> Column:
            if rule.allows_all(execution.context):
                return read(execution, records)

            def compute_mask() -> Sequence[bool]:
                values = to_python_values(attribute, records.columns[index])
                return rule.allows(execution.context, values)

            mask = records.cached((type(rule), index), compute_mask)
            column = scatter(read(execution, records.where(mask)), mask)
            # Null means that the field may not be read; a non-null field fails instead.
            return refuse_nulls(column, selected.place) if selected.is_required else column

        return read_if_allowed

    def _without_rules(self, selected: SelectedField) -> ReadColumn:
        strawberry_field = django_field(selected)
        if is_relay_id(selected):
            return self._relay_id_reader()
        if strawberry_field.base_resolver is not None:
            for extension in strawberry_field.extensions:
                if isinstance(extension, ReadExtension):
                    return extension.reader(self, selected)
            return self._resolver_reader(selected)
        if strawberry_field.store.annotate:
            return self._annotation_reader(
                selected, strawberry_field.django_name or strawberry_field.python_name
            )
        db_field = model_field(selected)
        if is_column(selected, db_field):
            return self._leaf_reader(selected, self.column_index(db_field.attname), db_field)
        return read_relation(self, selected, db_field)

    def column_index(self, path: str) -> int:
        """Return where the column at the path, in Django's notation, will be in the rows."""
        key = self.model._meta.pk
        # One name for the key, so that it is selected once.
        own = ALL if key and path == key.attname else path
        return self.layout.index(f"{self.prefix}{own}")

    @staticmethod
    def _leaf_reader(selected: SelectedField, index: int, db_field: Any = None) -> ReadColumn:
        is_as_read = db_field is not None and is_text(db_field) and is_string(selected)
        if is_as_read and not (db_field.null and selected.is_required):
            return lambda _execution, records: Column(records.columns[index])
        return lambda _execution, records: _complete_leaves(selected, records.columns[index])

    def _relay_id_reader(self) -> ReadColumn:
        origin = cast("type[relay.Node]", definition_of(self.selection.type).origin)
        index = self.column_index(origin.resolve_id_attr())
        name = self.selection.type.name
        return lambda _execution, records: Column(global_ids(name, records.columns[index]))

    def _annotation_reader(self, selected: SelectedField, name: str) -> ReadColumn:
        ((label, expression),) = django_field(selected).store.annotate.items()
        label = name if label == ANNOTATION_OF_FIELD else label
        if callable(expression):
            make = expression
            expression = InfoExpression(lambda info: make(_info_of(selected, info)))
        self.layout.annotations[label] = expression
        return self._leaf_reader(selected, self.column_index(label))

    def _resolver_reader(self, selected: SelectedField) -> ReadColumn:
        """Call the field's resolver with an instance of each object."""
        strawberry_field = django_field(selected)
        for path in (ALL, *strawberry_field.store.only):
            *relations, _last = path.split(LOOKUP_SEP)
            if relations:
                key = self._attname(LOOKUP_SEP.join((*relations, ALL)))
                self.instance_paths[key] = self.column_index(key)
            attname = self._attname(path)
            self.instance_paths[attname] = self.column_index(attname)

        def read(execution: Execution, records: RowColumns) -> Column:
            info = execution.info(selected)
            try:
                keywords = execution.keywords_of_each(selected)
            except Exception as error:  # noqa: BLE001 - any error is the field's
                return execution.complete_values(selected, [error] * records.size)
            values: list[Any] = []
            for instance in self.instances(execution, records):
                try:
                    value = execution.call(strawberry_field, instance, info, keywords())
                    is_plain = type(value) in IMMUTABLE
                    values.append(
                        value if is_plain else django_result(strawberry_field, value, info)
                    )
                except Exception as error:  # noqa: BLE001 - any error is the object's
                    values.append(error)
            return execution.complete_values(selected, values)

        return read

    def _attname(self, path: str) -> str:
        """Return the path to a column; for a relation, to its key."""
        *relations, last = path.split(LOOKUP_SEP)
        model = self.model
        for relation in relations:
            model = cast("Any", model._meta.get_field(relation)).related_model
        meta = model._meta
        own = meta.pk if last == ALL else meta.get_field(last)
        return LOOKUP_SEP.join((*relations, cast("Any", own).attname))

    def instances(self, execution: Execution, records: RowColumns) -> Sequence[models.Model]:
        """Return the objects as model instances, with the columns that their resolvers declare.

        They are announced to the context, which loads for all of them at once.
        """

        def make() -> list[models.Model]:
            paths = [tuple(path.split(LOOKUP_SEP)) for path in self.instance_paths]
            columns = [records.columns[index] for index in self.instance_paths.values()]
            made = make_instances(self.model, paths, columns, records.size)
            for name, (index, field) in self.carried.items():
                values = to_python_values(field, records.columns[index])
                for instance, value in zip(made, values, strict=True):
                    setattr(instance, name, value)
            execution.expect(made)
            return made

        return cast("list[models.Model]", records.cached(self, make))


def _info_of(selected: SelectedField, info: Info[Any, Any]) -> Info[Any, Any]:
    """Return the info of another field, changed to this field."""
    raw = core_info(info)._replace(
        field_name=selected.name,
        field_nodes=selected.nodes,
        return_type=selected.type,
        parent_type=selected.parent,
        path=Path(None, selected.key, selected.parent.name),
    )
    return make_info(raw, selected.strawberry_field)


def _catch_errors(selected: SelectedField, read: ReadColumn) -> ReadColumn:
    """Return a reader that fails the field for all objects if it raises."""

    def read_safely(execution: Execution, records: RowColumns) -> Column:
        try:
            return read(execution, records)
        except Exception as error:  # noqa: BLE001 - any error is the field's
            cells = [selected.place.error_cell(error) for _record in range(records.size)]
            return finish_column(selected, Column(cells, is_error_free=False))

    return read_safely


def _complete_leaves(selected: SelectedField, values: Sequence[Any]) -> Column:
    """Complete values without fields of their own."""
    return selected.complete_values(values, _no_objects)


def _no_objects(_values: Sequence[Any]) -> Column:
    raise TypeError("A leaf has no fields.")
