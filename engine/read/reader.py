"""Compilation of readers: which columns a level needs, and what reads each field from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from django.db import models
from django.db.models.constants import LOOKUP_SEP
from graphql.pyutils import Path
from strawberry import Info, relay

from engine.execution import Execution
from engine.fields.declarations import (
    definition_of,
    django_field,
    is_column,
    is_relay_id,
    is_string,
    is_text,
    model_field,
)
from engine.fields.extensions import FieldReader, FieldRule, ReadExtension
from engine.internals.strawberry import ANNOTATION_OF_FIELD, core_info, make_info
from engine.plan.selection import TYPENAME, SelectedField, Selection
from engine.read.columns import ColumnReader, RelayIdReader, RuledReader, TextReader, TypenameReader
from engine.read.instances import InstanceReader, ResolverReader
from engine.read.layout import ALL, InfoExpression, Layout
from engine.read.objects import ObjectReader
from engine.read.relations import compile_relation
from engine.read.widths import widths_of


def compile_reader(
    execution: Execution,
    selection: Selection,
    layout: Layout,
    model: type[models.Model],
    prefix: str = "",
) -> ObjectReader:
    """Compile the reader of a model's objects, from columns with a prefix.

    It is for the visibility of the execution: objects that are visible to all requests of it are
    joined, others are read by a statement of their own. All columns are registered with the layout.
    """
    level = _Level(execution, selection, layout, model, prefix)
    return ObjectReader(selection, tuple(level.field_readers()), widths_of(selection))


@dataclass(eq=False)
class _Level:
    """A level while its reader is compiled."""

    execution: Execution
    selection: Selection
    layout: Layout
    model: type[models.Model]
    prefix: str

    def field_readers(self) -> Iterator[FieldReader]:
        """Yield the reader of each field."""
        for selected in self.selection.fields:
            if selected.name == TYPENAME:
                yield TypenameReader(selected)
                continue
            reader = self._reader(selected)
            for extension in django_field(selected).extensions:
                if isinstance(extension, FieldRule):
                    reader = self._ruled_reader(selected, reader, extension)
            yield reader

    def child(
        self, selection: Selection, layout: Layout, model: type[models.Model], prefix: str = ""
    ) -> ObjectReader:
        """Compile the reader of a field's objects."""
        return compile_reader(self.execution, selection, layout, model, prefix)

    def column_index(self, path: str) -> int:
        """Return where the column at the path, in Django's notation, will be in the rows."""
        key = self.model._meta.pk
        # One name for the key, so that it is selected once.
        own = ALL if key and path == key.attname else path
        return self.layout.index(f"{self.prefix}{own}")

    def _reader(self, selected: SelectedField) -> FieldReader:
        strawberry_field = django_field(selected)
        if is_relay_id(selected):
            return self._relay_id_reader(selected)
        if strawberry_field.base_resolver is not None:
            for extension in strawberry_field.extensions:
                if isinstance(extension, ReadExtension):
                    return extension.reader(self, selected)
            return ResolverReader(selected, self._instance_reader)
        if strawberry_field.store.annotate:
            return self._annotation_reader(selected)
        db_field = model_field(selected)
        if not is_column(selected, db_field):
            return compile_relation(self, selected, db_field)
        is_as_read = is_text(db_field) and is_string(selected)
        kind = ColumnReader
        if is_as_read and not (db_field.null and selected.is_required):
            kind = TextReader
        index = self.column_index(db_field.attname)
        return kind(selected, index, f"column {_name_in_django(selected)}")

    def _ruled_reader(
        self, selected: SelectedField, reader: FieldReader, rule: FieldRule
    ) -> FieldReader:
        fields = {each.attname: each for each in self.model._meta.concrete_fields}
        fields[ALL] = self.model._meta.pk
        attributes = tuple(fields[name] for name in rule.attributes)
        indexes = tuple(self.column_index(name) for name in rule.attributes)
        return RuledReader(selected, reader, rule, attributes, indexes)

    def _relay_id_reader(self, selected: SelectedField) -> FieldReader:
        origin = definition_of(selected.parent).origin
        name = cast("type[relay.Node]", origin).resolve_id_attr()
        return RelayIdReader(selected, self.column_index(name), f"column {name}")

    def _annotation_reader(self, selected: SelectedField) -> FieldReader:
        ((label, expression),) = django_field(selected).store.annotate.items()
        label = _name_in_django(selected) if label == ANNOTATION_OF_FIELD else label
        if callable(expression):
            make = expression
            expression = InfoExpression(lambda info: make(_info_of(selected, info)))
        self.layout.annotations[label] = expression
        return ColumnReader(selected, self.column_index(label), "computed column")

    @cached_property
    def _instance_reader(self) -> InstanceReader:
        """The reader of instances with what all resolvers of the level declare."""
        paths: dict[str, None] = {}
        for selected in self.selection.fields:
            if selected.name != TYPENAME and _is_resolved(selected):
                for path in (ALL, *django_field(selected).store.only):
                    paths.update(dict.fromkeys(self._instance_paths(path)))
        columns = {tuple(each.split(LOOKUP_SEP)): self.column_index(each) for each in paths}
        is_joined = bool(self.prefix)
        self.layout.has_instances = self.layout.has_instances or not is_joined
        return InstanceReader(self.model, columns, is_joined)

    def _instance_paths(self, path: str) -> Sequence[str]:
        """Return the columns of a path: of one through a relation, the related key too."""
        *relations, _last = path.split(LOOKUP_SEP)
        keys = [LOOKUP_SEP.join((*relations, ALL))] if relations else []
        return [self._attname(each) for each in (*keys, path)]

    def _attname(self, path: str) -> str:
        """Return the path to a column; for a relation, to its key."""
        *relations, last = path.split(LOOKUP_SEP)
        model = self.model
        for relation in relations:
            model = cast("Any", model._meta.get_field(relation)).related_model
        meta = model._meta
        own = meta.pk if last == ALL else meta.get_field(last)
        return LOOKUP_SEP.join((*relations, cast("Any", own).attname))


def _is_resolved(selected: SelectedField) -> bool:
    """Return whether the field's own resolver is called."""
    strawberry_field = django_field(selected)
    return (
        strawberry_field.base_resolver is not None
        and not is_relay_id(selected)
        and not any(isinstance(each, ReadExtension) for each in strawberry_field.extensions)
    )


def _name_in_django(selected: SelectedField) -> str:
    strawberry_field = django_field(selected)
    return strawberry_field.django_name or strawberry_field.python_name


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
