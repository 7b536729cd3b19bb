"""The state of one execution, and what fields ask of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self, TypeAlias, TypeGuard, cast

from django.db import models
from graphql import GraphQLResolveInfo, VariableValues
from graphql.pyutils import Path
from strawberry import Info, Schema
from strawberry.types.field import StrawberryField

from engine.internals.strawberry import (
    argument_name,
    make_info,
    resolver_arguments,
    unconverted_arguments,
)
from engine.plan.arguments import is_id, is_immutable
from engine.plan.selection import Plan, SelectedField, Selection
from engine.result.bounds import Bounds
from engine.result.completion import Column
from engine.trace import Trace

NO_VALUES: Final[Mapping[str, Any]] = {}
# Called for each statement: with None if its SQL was compiled before, or with the reason why not.
OnStatement: TypeAlias = Callable[[str | None], None]


class RequestContext(Protocol):
    """A context that declares its visibility.

    Requests of equal visibility share compiled SQL. Other contexts need no method, and share none.
    """

    def visibility(self) -> Hashable:
        """Return the facts that decide which rows and fields the requester sees."""

    def with_params(self) -> Self:
        """Return a context of the same visibility, with bind parameters for what differs."""

    def values(self) -> Mapping[str, Any]:
        """Return the values of those bind parameters."""

    def expect(self, rows: Iterable[models.Model]) -> None:
        """Receive the instances of a level, to load for all of them at once."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldResolver(ABC):
    """Resolves a field of objects that are not rows. It depends on the plan only."""

    selected: SelectedField

    @property
    @abstractmethod
    def strategy(self) -> str:
        """How the field is resolved, as `engine.explain` prints it."""

    @abstractmethod
    def resolve(self, execution: "Execution", sources: Sequence[Any]) -> Column:
        """Return the field of all objects, errors in their places."""


def _ignore(_reason: str | None) -> None:
    """Count nothing."""


@dataclass(slots=True)
class Execution(ABC):
    """A plan, and the state of one request. `engine.walk` resolves its fields."""

    plan: Plan
    schema: Schema
    context: RequestContext
    variables: VariableValues
    root_value: Any = None
    # None in production.
    trace: Trace | None = None
    bounds: Bounds = field(default_factory=Bounds)
    on_statement: OnStatement = _ignore
    # Whether the context declares a visibility; if not, nothing is cached for other requests.
    is_shared: bool = field(init=False)
    # What read each selection of rows, by its id, for `engine.explain`; only with a trace.
    readers: dict[int, Any] = field(default_factory=dict)
    _infos: dict[int, Info[Any, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find out whether the context declares a visibility."""
        self.is_shared = hasattr(self.context, "visibility")

    @abstractmethod
    def resolver(self, selected: SelectedField) -> FieldResolver:
        """Return what resolves a field of objects that are not rows."""

    @abstractmethod
    def field(self, selected: SelectedField, sources: Sequence[Any]) -> Column:
        """Return one field of objects that are not rows."""

    @abstractmethod
    def resolve_field(self, selected: SelectedField, sources: Sequence[Any]) -> Column:
        """Resolve the field for each object."""

    @abstractmethod
    def complete_values(self, selected: SelectedField, values: Sequence[Any]) -> Column:
        """Complete what resolvers returned for each object, or raised."""

    @abstractmethod
    def complete_objects(self, selected: SelectedField, values: Sequence[Any]) -> Column:
        """Return what is selected of values, which may be of several types."""

    @abstractmethod
    def add_level(self, selection: Selection, columns: Sequence[Column], size: int) -> None:
        """Count a level of objects, before they are made. Raises `OperationCancelledError`."""

    def requester_values(self) -> Mapping[str, Any]:
        """Return the values of the context's bind parameters."""
        return self.context.values() if self.is_shared else NO_VALUES

    def expect(self, rows: Iterable[models.Model]) -> None:
        """Announce a level of objects to the context."""
        if self.is_shared:
            self.context.expect(rows)

    def info(self, selected: SelectedField) -> Info[Any, Any]:
        """Return the info for the field's resolver, the same for all objects.

        Its path has the field only, without the object's.
        """
        found = self._infos.get(id(selected))
        if found is None:
            found = make_info(self.raw_info(selected), selected.strawberry_field)
            self._infos[id(selected)] = found
        return found

    def raw_info(self, selected: SelectedField) -> GraphQLResolveInfo[Any]:
        """Return graphql-core's info for the field."""
        document = self.plan.document
        return GraphQLResolveInfo(
            field_name=selected.name,
            field_nodes=selected.nodes,
            return_type=selected.type,
            parent_type=selected.parent,
            path=Path(None, selected.key, selected.parent.name),
            schema=document.schema,
            fragments=cast("dict[str, Any]", document.fragments),
            root_value=self.root_value,
            operation=document.operation,
            # As Strawberry's executor has them.
            variable_values=cast("VariableValues", self.variables.coerced),
            context=self.context,
            is_awaitable=_is_never_awaitable,
            abort_signal=None,
            async_helpers=cast("Any", None),
        )

    def parametrized_info(self, selected: SelectedField) -> Info[Any, Any]:
        """Return the info for a resolver that is called for all requests of this visibility."""
        if not self.is_shared:
            return self.info(selected)
        raw = self.raw_info(selected)._replace(context=self.context.with_params())
        return make_info(raw, selected.strawberry_field)

    def keywords(self, selected: SelectedField, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return coerced arguments as the field's resolver takes them."""
        if not given:
            return {}
        strawberry_field = selected.strawberry_field
        unconverted = selected.planned(
            unconverted_arguments, lambda: unconverted_arguments(self.schema, strawberry_field)
        )
        if given.keys() <= unconverted.keys():
            return {unconverted[name]: value for name, value in given.items()}
        return resolver_arguments(self.schema, strawberry_field, given, self.info(selected))

    def keywords_of_each(self, selected: SelectedField) -> Callable[[], Mapping[str, Any]]:
        """Return a function that returns the keywords for an object.

        Each call returns a copy if a resolver can change them. Raises `GraphQLError`.
        """
        given = selected.arguments(self.variables)
        keywords = self.keywords(selected, given)
        if is_immutable(given):
            return lambda: keywords
        return lambda: self.keywords(selected, selected.arguments(self.variables))

    def id_arguments(self, selected: SelectedField) -> Sequence[str]:
        """Return the Python names of the field's arguments that are ids."""
        return [
            each.python_name
            for each in selected.strawberry_field.arguments
            if is_id(selected.all_arguments[argument_name(self.schema, each)].type)
        ]

    @staticmethod
    def call(
        strawberry_field: StrawberryField,
        source: Any,
        info: Info[Any, Any] | None,
        keywords: Mapping[str, Any],
    ) -> Any:
        """Call the field's own resolver, without Strawberry's extensions.

        ``info`` may be None if the resolver does not take one.
        """
        resolver = strawberry_field.base_resolver
        if resolver is None:
            raise TypeError(f"{strawberry_field.python_name} has no resolver.")
        named = dict(keywords)
        if resolver.info_parameter:
            named[resolver.info_parameter.name] = info
        for parameter in (resolver.parent_parameter, resolver.root_parameter):
            if parameter:
                named[parameter.name] = source
        positional = [source] if resolver.self_parameter else []
        return resolver(*positional, **named)


def _is_never_awaitable(_value: Any) -> TypeGuard[Any]:
    return False
