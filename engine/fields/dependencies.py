"""What the answer of an operation depends on, for a cache that compares versions.

An *entity* is what has a version, such as a user: the version changes with the rows that the
entity covers. Which rows these are, the application declares once, so columns and relations need no
declaration. A field with a resolver declares with `COVERED` that it reads nothing beyond its
entity, or with `covered` what it reads besides. An operation with a field that declares nothing is
not cached: forgetting is slow, never wrong.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db.models import ForeignObjectRel, ManyToManyField, ManyToManyRel, Model
from graphql import OperationType, VariableValues

from engine.fields.declarations import django_field, is_column, is_relay_id, model_field
from engine.fields.extensions import FieldRule
from engine.internals.strawberry import model_of
from engine.plan.selection import TYPENAME, Plan, SelectedField, Selection

_DEPENDENCY: Final = "dependency"
ModelType: TypeAlias = type[Model]
# Called with the coerced arguments and the context.
Keys: TypeAlias = Callable[[Mapping[str, Any], Any], Iterable[UUID]]
# Called with the coerced arguments; returns the name of an object type.
TypeName: TypeAlias = Callable[[Mapping[str, Any]], str]


class NotCacheableError(Exception):
    """An answer depends on something that has no version."""


@dataclass(frozen=True, eq=False)
class Entity:
    """A kind of entity: whose changed rows touch it.

    ``columns`` are the columns that have its key, by model. ``parts`` are entities that it covers,
    by the model and foreign key that refer to them. An entity that there is once has a ``key``;
    it covers all rows of its models, and their columns are empty.
    """

    name: str
    columns: Mapping[ModelType, str]
    parts: Mapping[tuple[ModelType, str], "Entity"] = field(default_factory=dict)
    key: UUID | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Covered:
    """What a field depends on besides its entity."""

    # The keys of entities that there are once.
    more: frozenset[UUID]


def covered(*more: Entity) -> Mapping[str, Any]:
    """Return the metadata of a field that reads only what its entity and ``more`` cover.

    Raises `ValueError` for an entity that there may be several of.
    """
    keys = frozenset(each.key for each in more if each.key is not None)
    if len(keys) != len(more):
        raise ValueError("A field can add entities only that there are once.")
    return {_DEPENDENCY: _Covered(keys)}


# The metadata of a field that reads only what its entity covers.
COVERED: Final[Mapping[str, Any]] = covered()


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """What a root field depends on: entities of one kind."""

    entity: Entity
    keys: Keys

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata of the field."""
        return {_DEPENDENCY: self}


@dataclass(frozen=True, slots=True, eq=False)
class RootByType:
    """What a root field of an interface depends on, by the type of the object."""

    roots: Mapping[str, Root]
    type_name: TypeName

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata of the field."""
        return {_DEPENDENCY: self}


@dataclass(slots=True)
class Dependencies:
    """What all answers of a plan depend on."""

    roots: list[tuple[SelectedField, Keys]] = field(default_factory=list)
    # The keys of entities that there are once.
    single: set[UUID] = field(default_factory=set)
    # Root fields that depend on more by type; of a type that cannot be cached, the reason.
    by_type: list[tuple[SelectedField, TypeName, Mapping[str, "Dependencies | str"]]] = field(
        default_factory=list
    )

    def keys(self, variables: VariableValues, context: Any) -> set[UUID]:
        """Return the keys of the entities.

        Raises `GraphQLError` for an argument, and `NotCacheableError` for one that names a type
        that cannot be cached.
        """
        found = set(self.single)
        for selected, keys in self.roots:
            found.update(keys(selected.shared_arguments(variables), context))
        for selected, type_name, types in self.by_type:
            of_type = types.get(type_name(selected.shared_arguments(variables)))
            if isinstance(of_type, Dependencies):
                found |= of_type.keys(variables, context)
            else:
                raise NotCacheableError(of_type) if of_type else _undeclared(selected)
        return found


def dependencies_of(plan: Plan, single: Iterable[Entity] = ()) -> Dependencies:
    """Return what the answers of a query depend on.

    ``single`` are entities that there are once, to whose rows those of others may refer. Raises
    `NotCacheableError` with the first field that declares nothing.
    """
    if plan.document.operation.operation is not OperationType.QUERY:
        raise NotCacheableError("This is not a query.")
    finder = _Finder(tuple(single))
    for selected in plan.root.fields:
        if selected.name != TYPENAME:
            finder.add_root(selected)
    if not (finder.found.roots or finder.found.by_type):
        raise NotCacheableError("It reads nothing.")
    return finder.found


class _Finder:
    """Walks a plan, and knows of each object which entity covers it."""

    def __init__(self, single: tuple[Entity, ...]) -> None:
        self.single = single
        self.found = Dependencies()

    def add_root(self, selected: SelectedField) -> None:
        declared = selected.strawberry_field.metadata.get(_DEPENDENCY)
        if isinstance(declared, RootByType):
            types = {
                each.type.name: self._of_type(selected, each, declared)
                for each in selected.selections()
            }
            self.found.by_type.append((selected, declared.type_name, types))
        elif isinstance(declared, Root):
            self._add_root(selected, declared, selected.selections())
        else:
            raise _undeclared(selected)

    def _add_root(
        self, selected: SelectedField, root: Root, selections: Iterable[Selection]
    ) -> None:
        if root.entity.key is not None:
            self.found.single.add(root.entity.key)
        self.found.roots.append((selected, root.keys))
        for selection in selections:
            self._add(selection, root.entity)

    def _of_type(
        self, selected: SelectedField, selection: Selection, declared: RootByType
    ) -> Dependencies | str:
        """Return what the answer depends on if the object is of the selection's type."""
        root = declared.roots.get(selection.type.name)
        if root is None:
            return f"{selected.parent}.{selected.name} of {selection.type} declares no dependency."
        finder = _Finder(self.single)
        try:
            finder._add_root(selected, root, [selection])
        except NotCacheableError as error:
            return str(error)
        return finder.found

    def _add_below(self, selected: SelectedField, entity: Entity) -> None:
        for selection in selected.selections():
            self._add(selection, entity)

    def _add(self, selection: Selection, entity: Entity) -> None:
        model = model_of(selection.type)
        for selected in selection.fields:
            if selected.name == TYPENAME:
                continue
            if model is None:
                # A part of a connection or of a value, whose field is covered.
                self._add_below(selected, entity)
            elif model in entity.columns:
                self._add_field(selected, model, entity)
            else:
                raise _undeclared(selected)

    def _add_field(self, selected: SelectedField, model: ModelType, entity: Entity) -> None:
        strawberry_field = django_field(selected)
        if any(_is_undeclared(each) for each in strawberry_field.extensions):
            raise _undeclared(selected)
        if is_relay_id(selected):
            return
        declared = strawberry_field.metadata.get(_DEPENDENCY)
        if isinstance(declared, _Covered):
            self.found.single |= declared.more
            self._add_below(selected, entity)
        elif strawberry_field.base_resolver is not None or strawberry_field.store.annotate:
            raise _undeclared(selected)
        elif not is_column(selected, model_field(selected)):
            self._add_below(selected, self._related(selected, model, entity))

    def _related(self, selected: SelectedField, model: ModelType, entity: Entity) -> Entity:
        """Return the entity that covers the objects of a relation."""
        relation = model_field(selected)
        target = relation.related_model
        part = entity.parts.get((model, relation.name))
        if part is not None:
            return part
        if target in entity.columns and _joins_keys(relation, model, entity):
            return entity
        through = _through(relation)
        for each in self.single:
            if target in each.columns and (through is None or through in entity.columns):
                if each.key is not None:
                    self.found.single.add(each.key)
                return each
        raise _undeclared(selected)


def _is_undeclared(extension: Any) -> bool:
    return isinstance(extension, FieldRule) and not extension.is_covered


def _joins_keys(relation: Any, model: ModelType, entity: Entity) -> bool:
    """Return whether the objects on both sides have the same key of the entity."""
    if _through(relation) is not None:
        return False
    is_reverse = isinstance(relation, ForeignObjectRel)
    key = relation.field if is_reverse else relation
    own, other = key.target_field.attname, key.attname
    if not is_reverse:
        own, other = other, own
    return (own, other) == (entity.columns[model], entity.columns[relation.related_model])


def _through(relation: Any) -> ModelType | None:
    """Return the model of a many-to-many relation's own rows."""
    found: ModelType | None = None
    if isinstance(relation, ManyToManyField):
        found = relation.remote_field.through
    elif isinstance(relation, ManyToManyRel):
        found = relation.through
    return found


def _undeclared(selected: SelectedField) -> NotCacheableError:
    return NotCacheableError(f"{selected.parent}.{selected.name} declares no dependency.")
