"""Counts of what an operation selects: fields, searches, rows and values.

Values are rows times selected fields. Fragments are merged as in execution, so a field that is
selected twice counts once. Introspection is counted by what it answers, with graphql-core's own
resolvers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, TypeAlias, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
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

from schema.documents.cost import CostFormula, Factors, PageSize, largest_size, searches_of
from schema.errors import RequestErrorCode, request_error

# Fields of the response, after merging.
MAX_FIELDS: Final = 1_000
# Twice the introspection of development tools.
MAX_INTROSPECTION: Final = 25_000
# What a value of introspection beside other fields counts: graphql-core executes it, which takes
# longer than `SchemaReader` by this factor.
MIXED_VALUES: Final = 10
# Bounds the counting itself, over all operations of a document.
MAX_STEPS: Final = 50_000
# Items that are assumed for a list without pages.
LIST_ITEMS: Final = 10

Groups: TypeAlias = Mapping[str, list[FieldNode]]
# Elements of the schema by `id()`, each with its number of occurrences.
Elements: TypeAlias = Mapping[int, tuple[Any, int]]


def cost_formulas(
    schema: GraphQLSchema, document: DocumentNode, depth: int
) -> dict[str | None, CostFormula]:
    """Return what each operation costs, by name, counting down to ``depth``.

    Raises `GraphQLError` if an operation exceeds a limit, whatever its variables.
    """
    scale = _Scale(schema, document, depth)
    return {
        each.name.value if each.name else None: scale.weigh(each)
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
    }


class _Count(NamedTuple):
    """A number of objects: a product of a number and page sizes in variables."""

    number: int = 1
    factors: Factors = ()

    def times(self, size: PageSize | int) -> "_Count":
        """Return the product with a page size."""
        if isinstance(size, int):
            return _Count(self.number * size, self.factors)
        if not size.names:
            return _Count(self.number * size.literal, self.factors)
        return _Count(self.number, (*self.factors, size))


class _Objects(NamedTuple):
    """How many objects are selected from: by lists, and by page sizes only.

    ``page`` is that of the lists below, if the objects are connections.
    """

    listed: _Count = _Count()
    rows: _Count = _Count()
    page: PageSize | None = None


class _Scale:
    """Counts the fields, rows and values of operations, in a bounded number of steps."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, depth: int) -> None:
        self._schema, self._depth = schema, depth
        self._steps = self._fields = self._introspected = self._searches = 0
        self._values_per_element = 1
        self._rows: Counter[Factors] = Counter()
        self._values: Counter[Factors] = Counter()
        self._info = SimpleNamespace(schema=schema)
        # Of introspection, which is grouped once for all types that a variable may name.
        self._known_groups: dict[tuple[int, ...], Groups] = {}
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def weigh(self, operation: OperationDefinitionNode) -> CostFormula:
        """Count an operation. Raises `GraphQLError` if it exceeds a limit."""
        self._fields = self._introspected = self._searches = 0
        self._rows, self._values = Counter(), Counter()
        root = self._schema.get_root_type(operation.operation)
        if root is not None:
            names = {
                nodes[0].name.value
                for nodes in self._group_fields(root, [operation.selection_set]).values()
            }
            is_mixed = any(not name.startswith("__") for name in names)
            self._values_per_element = MIXED_VALUES if is_mixed else 1
            self._objects(root, [operation.selection_set], _Objects(), self._depth)
        formula = CostFormula(operation, self._rows, self._values, self._searches)
        formula.check()
        return formula

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

    def _introspect(self, count: int) -> None:
        self._introspected += count * self._values_per_element
        if self._introspected > MAX_INTROSPECTION:
            advice = "Select less of the schema at once."
            if self._values_per_element > 1:
                advice = f"Select it in an operation of its own: here each counts {MIXED_VALUES}."
            raise request_error(
                RequestErrorCode.VALUES_EXCEEDED,
                f"This operation requests more than {MAX_INTROSPECTION:,} values of introspection."
                f" {advice}",
            )
        self._values[()] += count * self._values_per_element

    def _objects(
        self,
        type_: GraphQLNamedType | None,
        selections: Iterable[SelectionSetNode],
        objects: _Objects,
        depth: int,
    ) -> None:
        """Count the values and rows of objects."""
        if depth <= 0:
            return
        if is_abstract_type(type_):
            self._possible_objects(type_, selections, objects, depth)
            return
        count, rows, page = objects
        groups = self._group_fields(type_, selections)
        self._add_fields(len(groups))
        for nodes in groups.values():
            # Validation rejects unknown fields.
            name = nodes[0].name.value
            parent = cast("GraphQLObjectType", type_)
            field = self._schema.get_field(parent, name) if type_ else None
            named = get_named_type(field.type) if field else None
            is_list = field is not None and is_list_type(get_nullable_type(field.type))
            size = largest_size(nodes)
            self._searches += searches_of(nodes[0])
            items = count.times(page or size or LIST_ITEMS) if is_list else count
            self._values[items.factors] += items.number
            below = rows
            if size is not None:
                below = rows.times(size)
                self._rows[below.factors] += below.number
            if is_leaf_type(named):
                continue
            selected = _selections(nodes)
            if named is not None and named.name in {"__Schema", "__Type"}:
                self._introspection(named, selected, nodes[0], depth - 1)
            else:
                # The items of a connection are in a list below it.
                inner = _Objects(items, below, None if is_list else size)
                self._objects(named, selected, inner, depth - 1)

    def _possible_objects(
        self,
        type_: Any,
        selections: Iterable[SelectionSetNode],
        objects: _Objects,
        depth: int,
    ) -> None:
        """Count the objects as the possible type with the most of each."""
        selections = list(selections)
        before = self._rows, self._values
        searches = most_searches = self._searches
        most: list[Counter[Factors]] = [Counter(), Counter()]
        for possible in self._schema.get_possible_types(type_):
            self._rows, self._values, self._searches = Counter(), Counter(), searches
            self._objects(possible, selections, objects, depth)
            most_searches = max(most_searches, self._searches)
            found = self._rows, self._values
            most = [each | counted for each, counted in zip(most, found, strict=True)]
        self._rows, self._values = (each + more for each, more in zip(before, most, strict=True))
        self._searches = most_searches

    def _introspection(
        self,
        type_: GraphQLNamedType,
        selections: list[SelectionSetNode],
        node: FieldNode,
        depth: int,
    ) -> None:
        """Count the values of a root field.

        A variable may name any type: that with the most values counts.
        """
        before, values = self._introspected, self._values[()]
        most = before
        for root in self._roots(node):
            self._introspected, self._values[()] = before, values
            self._elements(type_, selections, {0: (root, 1)}, depth)
            most = max(most, self._introspected)
        self._introspected, self._values[()] = most, values + most - before

    def _roots(self, node: FieldNode) -> Iterable[Any]:
        """Return the schema for `__schema`, or the possible types for `__type`."""
        if node.name.value == "__schema":
            return [self._schema]
        types = self._schema.type_map
        for argument in node.arguments or ():
            if isinstance(argument.value, StringValueNode):
                found = types.get(argument.value.value)
                return [found] if found else []
        # A variable may name any type.
        return types.values()

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
        selections = tuple(selections)
        key = tuple(map(id, selections))
        if key not in self._known_groups:
            self._known_groups[key] = self._group_fields(type_, selections)
        for nodes in self._known_groups[key].values():
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
        self, type_: GraphQLNamedType | None, selections: Iterable[SelectionSetNode]
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
        self, fragment: FragmentDefinitionNode | InlineFragmentNode, type_: GraphQLNamedType | None
    ) -> bool:
        condition = fragment.type_condition
        if condition is None or type_ is None or condition.name.value == type_.name:
            return True
        other = self._schema.get_type(condition.name.value)
        return is_abstract_type(other) and self._schema.is_sub_type(other, cast("Any", type_))


def _selections(nodes: Iterable[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set is not None]
