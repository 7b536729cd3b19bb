"""Limits of an operation's selected fields and returned values.

Values are rows times selected fields. Fragments are merged as in execution, so a field that is
selected twice counts once. Introspection is counted exactly, with graphql-core's own resolvers.
"""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final, TypeAlias, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)

from engine.relay.page_arguments import MAX_PAGE
from schema.errors import RequestErrorCode, request_error

# Fields of the response, after merging.
MAX_FIELDS: Final = 1_000
MAX_VALUES: Final = 100_000
# Twice the introspection of development tools. A value costs more than one of a row.
MAX_INTROSPECTION: Final = 25_000
# Bounds the counting itself, over all operations of a document.
MAX_STEPS: Final = 50_000
# Items that are assumed for a list without pages.
LIST_ITEMS: Final = 10

Groups: TypeAlias = Mapping[str, list[FieldNode]]
# Elements of the schema by `id()`, each with its number of occurrences.
Elements: TypeAlias = Mapping[int, tuple[Any, int]]


def weights_exceeded(
    schema: GraphQLSchema, document: DocumentNode, depth: int
) -> list[GraphQLError]:
    """Return an error if an operation exceeds a limit, counting down to ``depth``."""
    scale = _Scale(schema, document, depth)
    try:
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                scale.weigh(definition)
    except GraphQLError as error:
        # The traceback would keep the frames alive while the document is cached.
        return [error.with_traceback(None)]
    return []


class _Scale:
    """Counts the fields and values of operations, in a bounded number of steps."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, depth: int) -> None:
        self._schema, self._depth = schema, depth
        self._steps = self._fields = self._values = self._introspected = 0
        self._info = SimpleNamespace(schema=schema)
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def weigh(self, operation: OperationDefinitionNode) -> None:
        """Count an operation. Raises `GraphQLError` if it exceeds a limit."""
        self._fields = self._values = self._introspected = 0
        root = self._schema.get_root_type(operation.operation)
        if root is not None:
            self._objects(root, [operation.selection_set], 1, 0, self._depth)

    def _step(self, count: int) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise request_error(
                RequestErrorCode.FIELDS_EXCEEDED,
                "The operations of this document select too many fields together."
                " Send fewer operations in one document, and spread fewer fragments.",
            )

    def _add_fields(self, count: int) -> None:
        self._fields += count
        if self._fields > MAX_FIELDS:
            raise request_error(
                RequestErrorCode.FIELDS_EXCEEDED,
                f"This operation selects more than {MAX_FIELDS:,} fields, counting those of a"
                " fragment at each spread. Select fewer fields.",
            )

    def _add(self, count: int) -> None:
        self._values += count
        if self._values > MAX_VALUES:
            raise request_error(
                RequestErrorCode.VALUES_EXCEEDED,
                f"This operation may return more than {MAX_VALUES:,} values (rows times selected"
                " fields). Request smaller pages or fewer fields.",
            )

    def _introspect(self, count: int) -> None:
        self._introspected += count
        if self._introspected > MAX_INTROSPECTION:
            raise request_error(
                RequestErrorCode.VALUES_EXCEEDED,
                f"This operation requests more than {MAX_INTROSPECTION:,} values of introspection."
                " Select less of the schema at once.",
            )
        self._add(count)

    def _objects(
        self,
        type_: GraphQLNamedType,
        selections: Iterable[SelectionSetNode],
        count: int,
        page: int,
        depth: int,
    ) -> None:
        """Count the values of ``count`` objects, whose lists have ``page`` items."""
        if depth <= 0:
            return
        if is_abstract_type(type_):
            self._possible_objects(type_, selections, count, page, depth)
            return
        groups = self._group_fields(type_, selections)
        self._add_fields(len(groups))
        for nodes in groups.values():
            field = self._schema.get_field(cast("GraphQLObjectType", type_), nodes[0].name.value)
            # Validation rejects unknown fields.
            named = get_named_type(field.type) if field else None
            is_list = field is not None and is_list_type(get_nullable_type(field.type))
            size = max(map(page_size, nodes))
            items = count * (page or size or LIST_ITEMS) if is_list else count
            self._add(items)
            if named is None or is_leaf_type(named):
                continue
            below = _selections(nodes)
            if named.name in {"__Schema", "__Type"}:
                self._elements(named, below, self._roots(nodes[0]), depth - 1)
            else:
                # The items of a connection are in a list below it.
                self._objects(named, below, items, 0 if is_list else size, depth - 1)

    def _possible_objects(
        self,
        type_: Any,
        selections: Iterable[SelectionSetNode],
        count: int,
        page: int,
        depth: int,
    ) -> None:
        """Count the objects as the possible type with the most values."""
        selections = list(selections)
        before, most = self._values, self._values
        for possible in self._schema.get_possible_types(type_):
            self._values = before
            self._objects(possible, selections, count, page, depth)
            most = max(most, self._values)
        self._values = most

    def _roots(self, node: FieldNode) -> Elements:
        """Return the schema for `__schema`, or the possible types for `__type`."""
        if node.name.value == "__schema":
            return {0: (self._schema, 1)}
        types = self._schema.type_map
        for argument in node.arguments or ():
            if isinstance(argument.value, StringValueNode):
                found = types.get(argument.value.value)
                return {0: (found, 1)} if found else {}
        # A variable may name any type.
        return {number: (type_, 1) for number, type_ in enumerate(types.values())}

    def _elements(
        self,
        type_: GraphQLNamedType,
        selections: Iterable[SelectionSetNode],
        elements: Elements,
        depth: int,
    ) -> None:
        """Count the values selected from elements of the schema."""
        if depth <= 0 or not elements or not is_object_type(type_):
            return
        count = sum(number for _element, number in elements.values())
        for nodes in self._group_fields(type_, selections).values():
            field = type_.fields.get(nodes[0].name.value)
            named = get_named_type(field.type) if field else None
            if field is None or named is None or is_leaf_type(named):
                self._introspect(count)
                continue
            found = self._resolve_introspection(field, elements)
            self._elements(named, _selections(nodes), found, depth - 1)

    def _resolve_introspection(self, field: Any, elements: Elements) -> Elements:
        """Resolve an introspection field of elements, and count the values."""
        arguments = {"includeDeprecated": True} if "includeDeprecated" in field.args else {}
        is_list = is_list_type(get_nullable_type(field.type))
        found: dict[int, tuple[Any, int]] = {}
        self._step(len(elements))
        for element, number in elements.values():
            value = field.resolve(element, self._info, **arguments)
            values = [] if value is None else list(value) if is_list else [value]
            # Null and an empty list count as values.
            self._introspect(number * max(1, len(values)))
            for each in values:
                # Fields, arguments and enum values are pairs with their names.
                key = id(each[1] if isinstance(each, tuple) else each)
                _same, before = found.get(key, (each, 0))
                found[key] = each, before + number
        return found

    def _group_fields(
        self, type_: GraphQLNamedType, selections: Iterable[SelectionSetNode]
    ) -> Groups:
        """Return the selected fields of a type by response key, with fragments merged."""
        groups: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        pending = list(selections)
        while pending:
            selected = pending.pop().selections
            self._step(len(selected))
            for node in selected:
                if isinstance(node, FieldNode):
                    groups.setdefault((node.alias or node.name).value, []).append(node)
                    continue
                fragment: FragmentDefinitionNode | InlineFragmentNode | None = None
                if isinstance(node, InlineFragmentNode):
                    fragment = node
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self._fragments.get(node.name.value)
                if fragment is not None and self._applies(fragment, type_):
                    pending.append(fragment.selection_set)
        return groups

    def _applies(
        self, fragment: FragmentDefinitionNode | InlineFragmentNode, type_: GraphQLNamedType
    ) -> bool:
        condition = fragment.type_condition
        if condition is None or condition.name.value == type_.name:
            return True
        other = self._schema.get_type(condition.name.value)
        return is_abstract_type(other) and self._schema.is_sub_type(other, cast("Any", type_))


def page_size(node: FieldNode) -> int:
    """Return `first`, `last` or the number of `ids`.

    A variable or an invalid value counts as the largest page.
    """
    for argument in node.arguments or ():
        value = argument.value
        if argument.name.value in {"first", "last"}:
            if isinstance(value, IntValueNode) and len(value.value) <= len(str(MAX_PAGE)):
                return abs(int(value.value))
            return MAX_PAGE
        if argument.name.value == "ids":
            return (
                min(len(value.values), MAX_PAGE) if isinstance(value, ListValueNode) else MAX_PAGE
            )
    return 0


def _selections(nodes: Iterable[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set is not None]
