"""An operation as the engine executes it: what is selected of each type, fragments merged.

A plan depends on the document and on the variables that decide about `@skip` and `@include`, and
on nothing else of a request.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLArgument,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    VariableValues,
    Visitor,
    get_argument_values,
    get_named_type,
    is_non_null_type,
    visit,
)
from strawberry.types.field import StrawberryField

from engine.caches import SizedCache
from engine.internals.graphql_core import (
    FieldDetails,
    collect_root_fields,
    collect_subfields,
    fragment_details,
)
from engine.internals.strawberry import DEFINITION
from engine.plan.arguments import has_variables, is_immutable
from engine.plan.planned import PlannedOnce
from engine.result.completion import (
    Column,
    Completion,
    FieldLocation,
    ObjectFactory,
    completion,
    nullify_errors,
    refuse_nulls,
)

TYPENAME: Final = "__typename"

# Estimates of bytes; tests/schema/test_adversarial_documents.py measures what they are to cover.
FIELD_BYTES: Final = 9_000
PLAN_BYTES: Final = 20_000
COMPILED_BYTES: Final = 40_000
COMPILED_FIELD_BYTES: Final = 6_000
# Of what is compiled for one plan: for each visibility and shape of arguments.
MAX_COMPILED_BYTES: Final = 8 << 20


class NotPlannableError(Exception):
    """The engine cannot execute this operation; graphql-core can."""


@dataclass(frozen=True, slots=True)
class OperationDocument:
    """One operation of a document."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]

    @classmethod
    def of(
        cls, schema: GraphQLSchema, document: DocumentNode, name: str | None
    ) -> "OperationDocument":
        """Find the operation of a valid document. Raises `NotPlannableError` if it is ambiguous."""
        operations = [
            each
            for each in document.definitions
            if isinstance(each, OperationDefinitionNode)
            and (name is None or (each.name and each.name.value == name))
        ]
        if len(operations) != 1 or operations[0].operation is OperationType.SUBSCRIPTION:
            raise NotPlannableError("It is ambiguous which operation is meant.")
        fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        return cls(schema, operations[0], fragments)

    def condition_variables(self) -> list[str]:
        """Return the variables of `@skip` and `@include`."""
        names: dict[str, None] = {}

        class Directives(Visitor):
            def enter_directive(self, node: Any, *_path: Any) -> None:
                if node.name.value in {"skip", "include"}:
                    values = (argument.value for argument in node.arguments or ())
                    names.update(
                        {v.name.value: None for v in values if isinstance(v, VariableNode)}
                    )

        for node in (self.operation, *self.fragments.values()):
            visit(node, Directives())
        return list(names)


class CompiledField(NamedTuple):
    """What reads a field, for one visibility and shape of arguments, and its size."""

    value: Any
    size: int


class Plan:
    """What an operation selects when `@skip` and `@include` are decided."""

    def __init__(self, document: OperationDocument, variables: VariableValues) -> None:
        """Plan the root. Raises `NotPlannableError`, here and when a selection is planned."""
        self.document = document
        self.variables = variables
        # Called when the plan has grown by a compiled field.
        self.on_growth: Callable[[], None] = _nothing
        # What `engine.fields.dependencies` found, or why it cannot be cached.
        self.dependencies: Any = None
        self._compiled_fields: SizedCache[CompiledField] = SizedCache(
            MAX_COMPILED_BYTES, attrgetter("size")
        )
        self.fragments = fragment_details(document.fragments)
        root = document.schema.get_root_type(document.operation.operation)
        if root is None:
            raise NotPlannableError
        groups = collect_root_fields(
            document.schema, self.fragments, variables, root, document.operation
        )
        self.root = Selection(self, root, groups)

    def compiled(self, selected: "SelectedField", kind: Hashable, make: Callable[[], Any]) -> Any:
        """Return what reads a field for one visibility and shape of arguments; cached."""
        key = (selected, kind)
        found = self._compiled_fields.get(key)
        if found is None:
            size = COMPILED_BYTES + COMPILED_FIELD_BYTES * selected.field_count
            found = CompiledField(make(), size)
            self._compiled_fields.put(key, found)
            self.on_growth()
        return found.value

    @property
    def size(self) -> int:
        """The estimated bytes of the plan and its compiled fields, without the document's."""
        return PLAN_BYTES + FIELD_BYTES * self.field_count + self._compiled_fields.size

    @cached_property
    def field_count(self) -> int:
        """How many fields are selected on all levels, counted for each type that has them."""
        return self.root.field_count


def _nothing() -> None:
    """Do nothing."""


class Selection(PlannedOnce):
    """The fields selected of an object type, in the order of the answer."""

    def __init__(
        self, plan: Plan, type_: GraphQLObjectType, groups: Mapping[str, list[FieldDetails]]
    ) -> None:
        """Take the fields that graphql-core collected."""
        super().__init__()
        self.type = type_
        self.fields = [SelectedField(plan, type_, key, group) for key, group in groups.items()]
        self.object_factory = ObjectFactory(tuple(each.key for each in self.fields))

    @property
    def field_count(self) -> int:
        """How many fields are selected here and below."""
        return sum(each.field_count for each in self.fields)


@dataclass(eq=False)
class SelectedField(PlannedOnce):
    """A field of a selection, with its subselections."""

    plan: Plan
    parent: GraphQLObjectType
    key: str
    details: list[FieldDetails]
    _subselections: dict[str, Selection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise `NotPlannableError` for introspection."""
        super().__init__()
        if self.definition is None and self.name != TYPENAME:
            raise NotPlannableError(self.name)

    @cached_property
    def name(self) -> str:
        """Its name in the schema."""
        return self.details[0].node.name.value

    @cached_property
    def nodes(self) -> list[FieldNode]:
        """Its nodes in the document."""
        return [each.node for each in self.details]

    @cached_property
    def definition(self) -> GraphQLField | None:
        """graphql-core's definition; None for `__typename`."""
        return self.parent.fields.get(self.name)

    @cached_property
    def strawberry_field(self) -> StrawberryField:
        """Strawberry's definition."""
        extensions = self.definition.extensions if self.definition else {}
        found = extensions.get(DEFINITION)
        if not isinstance(found, StrawberryField):
            raise NotPlannableError(f"{self.parent}.{self.name}")
        return found

    @cached_property
    def type(self) -> GraphQLOutputType:
        """Its type."""
        if self.definition is None:
            raise NotPlannableError(self.name)
        return self.definition.type

    @cached_property
    def named_type(self) -> GraphQLNamedType:
        """Its type without lists and non-null."""
        return get_named_type(self.type)

    @cached_property
    def is_required(self) -> bool:
        """Whether it is non-null."""
        return is_non_null_type(self.type)

    @cached_property
    def place(self) -> FieldLocation:
        """The location of its errors."""
        return FieldLocation(self.parent.name, self.name, self.nodes)

    @cached_property
    def complete_values(self) -> Completion:
        """The function that completes its values."""
        return completion(self.type, self.place)

    @cached_property
    def all_arguments(self) -> Mapping[str, GraphQLArgument]:
        """The arguments that the field has in the schema."""
        return self.definition.args if self.definition else {}

    @cached_property
    def varying_arguments(self) -> frozenset[str]:
        """The arguments in which there are variables."""
        given = self.nodes[0].arguments or ()
        return frozenset(each.name.value for each in given if has_variables(each))

    def arguments(self, variables: VariableValues) -> Mapping[str, Any]:
        """Return its arguments, which the resolver may change. Raises `GraphQLError`."""
        given = self.shared_arguments(variables)
        if self.has_immutable_constants:
            return given
        constant = self.constant_arguments
        return {
            name: deepcopy(value) if value is constant.get(name) else value
            for name, value in given.items()
        }

    def shared_arguments(self, variables: VariableValues) -> Mapping[str, Any]:
        """Return its arguments; constants are shared with other requests.

        Do not change them or pass them to a resolver. Raises `GraphQLError`.
        """
        if self.definition is None or not (self.definition.args or self.nodes[0].arguments):
            return {}
        if not self.varying_arguments:
            return self.constant_arguments
        given = self._lookup_variables(variables)
        return given if given is not None else self._arguments(variables)

    def _lookup_variables(self, variables: VariableValues) -> Mapping[str, Any] | None:
        """Return its arguments if each that varies is one variable that is given."""
        names = self._variable_names
        if names is None or not all(
            variables.coerced.get(each) is not None
            or (each in variables.coerced and name not in self._required_arguments)
            for name, each in names.items()
        ):
            return None
        varying = {
            self.all_arguments[name].out_name or name: variables.coerced[each]
            for name, each in names.items()
        }
        return {**self.constant_arguments, **varying}

    @cached_property
    def _required_arguments(self) -> frozenset[str]:
        """The arguments that must not be null."""
        return frozenset(
            name for name, each in self.all_arguments.items() if is_non_null_type(each.type)
        )

    @cached_property
    def _variable_names(self) -> Mapping[str, str] | None:
        """The variables by argument; None if one is a part of an argument."""
        nodes = {
            each.name.value: each.value
            for each in self.nodes[0].arguments or ()
            if each.name.value in self.varying_arguments
        }
        if not all(isinstance(each, VariableNode) for each in nodes.values()):
            return None
        return {name: cast("VariableNode", each).name.value for name, each in nodes.items()}

    @cached_property
    def has_immutable_constants(self) -> bool:
        """Whether no resolver can change the constant arguments."""
        return is_immutable(self.constant_arguments)

    @cached_property
    def constant_arguments(self) -> Mapping[str, Any]:
        """The arguments without variables; do not pass them to resolvers."""
        if self.definition is None:
            return {}
        node = self.nodes[0]
        constant = [
            each for each in node.arguments or () if each.name.value not in self.varying_arguments
        ]
        without = GraphQLField(
            self.type,
            {
                name: each
                for name, each in self.all_arguments.items()
                if name not in self.varying_arguments
            },
        )
        return get_argument_values(
            without, FieldNode(name=node.name, arguments=tuple(constant)), self.plan.variables
        )

    def _arguments(self, variables: VariableValues) -> Mapping[str, Any]:
        if self.definition is None:
            return {}
        return get_argument_values(self.definition, self.nodes[0], variables)

    def subselection(self, type_: GraphQLObjectType) -> Selection:
        """Return what is selected of the field's objects of this type."""
        found = self._subselections.get(type_.name)
        if found is None:
            document = self.plan.document
            groups = collect_subfields(
                document.schema,
                self.plan.fragments,
                self.plan.variables,
                document.operation,
                type_,
                self.details,
            )
            found = Selection(self.plan, type_, groups)
            self._subselections[type_.name] = found
        return found

    @cached_property
    def field_count(self) -> int:
        """How many fields there are: this one and all below."""
        return 1 + sum(each.field_count for each in self.selections())

    def selections(self) -> Iterator[Selection]:
        """Yield what is selected of each type that the field's objects may have."""
        if self.definition is None:
            return
        type_ = self.named_type
        if isinstance(type_, GraphQLObjectType):
            yield self.subselection(type_)
        elif isinstance(type_, GraphQLAbstractType):
            for possible in self.plan.document.schema.get_possible_types(type_):
                yield self.subselection(possible)


def finish_column(selected: SelectedField, column: Column) -> Column:
    """Return the column with nulls and errors as the field's type requires."""
    if selected.is_required:
        return refuse_nulls(column, selected.place)
    return nullify_errors(column)
