"""Generates random queries: fields, arguments, fragments, directives and variables."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
)
from hypothesis import strategies as st

CONDITION: Final = GraphQLNonNull(GraphQLBoolean)
PAGING: Final = ("first", "last", "after", "before")
# Mostly valid page sizes; Hypothesis favours the ends of a list.
SIZES: Final = (3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 0, -1, 101, 5, 8, 8, 9, 9, 1, 2, 3, 2)
MAX_ALIASES: Final = 12
MAX_DIRECTIVES: Final = 6
MAX_FIELDS: Final = 30
MAX_DEPTH: Final = 9


@dataclass(frozen=True)
class ValuePool:
    """Values to draw from: by scalar type, or by argument if it has its own."""

    # Root fields; repeated names are drawn more often.
    roots: Sequence[str]
    scalars: Mapping[str, Sequence[Any]]
    named: Mapping[str, Sequence[Any]]
    # Cursors by field and other arguments, as literals.
    cursors: Mapping[tuple[str, str], Sequence[str]]


@dataclass(frozen=True)
class GeneratedOperation:
    """A document and its variables."""

    source: str
    variables: dict[str, Any]


@dataclass
class OperationGenerator:
    """Builder of one document."""

    schema: GraphQLSchema
    material: ValuePool
    draw: Callable[[st.SearchStrategy[Any]], Any]
    definitions: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    fragments: dict[str, list[str]] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)
    # Arguments of each field without an alias: merged fields must have equal arguments.
    unaliased: dict[str, str] = field(default_factory=dict)
    aliases: int = 0
    directives: int = 0
    fields: int = 0

    def document(self) -> GeneratedOperation:
        """Draw a query operation."""
        root = self.schema.query_type
        assert root is not None
        body = self.selections(root, 0)
        variables = f"({', '.join(self.definitions)})" if self.definitions else ""
        source = "\n".join([f"query{variables} {body}", *self.bodies])
        return GeneratedOperation(source, self.given)

    # Selections --------------------------------------------------------------------------

    def selections(self, type_: GraphQLNamedType, depth: int) -> str:
        """Draw a selection set of a type."""
        most = 3 if depth == 0 else 5
        parts = [self.selection(type_, depth) for _ in range(self.number(1, most))]
        return "{ " + " ".join(parts) + " }"

    def selection(self, type_: GraphQLNamedType, depth: int) -> str:
        """Draw a field or a fragment."""
        is_abstract = isinstance(type_, GraphQLInterfaceType)
        if depth and self.fields < MAX_FIELDS and self.chance(6 if is_abstract else 2):
            return self.fragment(type_, depth)
        if self.chance(1):
            return f"{self.alias('t')}__typename{self.directive()}"
        return self.field(type_, depth)

    def fragment(self, type_: GraphQLNamedType, depth: int) -> str:
        """Draw an inline fragment, or a named one that may be spread again."""
        types = [type_]
        if isinstance(type_, GraphQLInterfaceType):
            types += self.schema.get_possible_types(type_)
        elif isinstance(type_, GraphQLObjectType):
            types += type_.interfaces
        on = self.one_of(types)
        known = self.fragments.get(on.name, [])
        if known and self.chance(4):
            return f"...{self.one_of(known)}{self.directive()}"
        if self.chance(6):
            condition = f" on {on}" if on is not type_ or self.chance(5) else ""
            return f"...{condition}{self.directive()} {self.selections(on, depth)}"
        name = f"F{len(self.bodies)}"
        self.bodies.append("")
        self.bodies[int(name[1:])] = f"fragment {name} on {on} {self.selections(on, depth)}"
        self.fragments.setdefault(on.name, []).append(name)
        return f"...{name}{self.directive()}"

    def field(self, type_: GraphQLNamedType, depth: int) -> str:
        """Draw a field, with its arguments and selection set."""
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        self.fields += 1
        leaves_only = self.fields > MAX_FIELDS or depth >= MAX_DEPTH
        names = [
            name
            for name, each in type_.fields.items()
            if not leaves_only or not is_composite_type(get_named_type(each.type))
        ]
        if not names:
            return "__typename"
        if not depth:
            names = list(self.material.roots)
        # Prefer fields with a selection set.
        leading = [
            name for name in names if is_composite_type(get_named_type(type_.fields[name].type))
        ]
        name = self.one_of(leading if leading and self.chance(5) else names)
        definition = type_.fields[name]
        place = f"{type_}.{name}"
        alias = self.alias("a") if self.chance(3 if definition.args else 1) else ""
        if self._may_conflict(type_, name):
            alias = f"{type_.name[0].lower()}{type_.name[1:]}_{name}: "
            self.aliases += 1
        if not alias and place in self.unaliased:
            arguments = self.unaliased[place]
        else:
            arguments = self.arguments(place, definition)
            if not alias:
                self.unaliased[place] = arguments
        below = get_named_type(definition.type)
        body = f" {self.selections(below, depth + 1)}" if is_composite_type(below) else ""
        return f"{alias}{name}{arguments}{self.directive()}{body}"

    def _may_conflict(self, type_: GraphQLNamedType, name: str) -> bool:
        """Return whether the types of an interface have the field with different types."""
        node = self.schema.get_type("Node")
        assert isinstance(node, GraphQLInterfaceType)
        if isinstance(type_, GraphQLInterfaceType):
            return False
        possible = self.schema.get_possible_types(node)
        kinds = {str(each.fields[name].type) for each in possible if name in each.fields}
        return type_ in possible and len(kinds) > 1

    def alias(self, prefix: str) -> str:
        """Draw a unique alias while the limit allows."""
        if self.aliases >= MAX_ALIASES:
            return ""
        self.aliases += 1
        return f"{prefix}{self.aliases}: "

    def directive(self) -> str:
        """Draw none, one of `@skip` and `@include`, or both."""
        text = ""
        if self.directives < MAX_DIRECTIVES and self.chance(1):
            for name in self.one_of([["skip"], ["include"], ["skip", "include"]]):
                self.directives += 1
                text += f" @{name}(if: {self.value(CONDITION, name)})"
        return text

    # Arguments ---------------------------------------------------------------------------

    def arguments(self, place: str, definition: GraphQLField) -> str:
        """Draw the arguments of a field; a connection almost always gets a page size."""
        types = {name: argument.type for name, argument in definition.args.items()}
        texts = {
            name: self.value(type_, name, self.material.named.get(f"{place}.{name}", ()))
            for name, type_ in types.items()
            if name not in PAGING and (isinstance(type_, GraphQLNonNull) or self.chance(4))
        }
        if "first" in types:
            others = ", ".join(f"{name}: {text}" for name, text in texts.items())
            texts |= self.page(place, others, types)
        return f"({', '.join(f'{name}: {text}' for name, text in texts.items())})" if texts else ""

    def page(
        self, place: str, others: str, types: Mapping[str, GraphQLInputType]
    ) -> dict[str, str]:
        """Draw the arguments of a page, with cursors that are valid for it."""
        sizes = self.one_of([["first"], ["last"], ["first", "last"], [], *[["first"]] * 16])
        texts = {name: self.value(types[name], name) for name in sizes}
        own = self.material.cursors.get((place, others), ())
        for name in ("after", "before"):
            if self.chance(3 if own else 1):
                cursors = own if own and self.chance(9) else self.material.scalars["String"]
                texts[name] = self.value(types[name], name, cursors)
        return texts

    def value(self, type_: GraphQLInputType, name: str, choice: Sequence[Any] = ()) -> str:
        """Draw a literal or a variable."""
        if self.chance(2):
            return self.variable(type_, name, choice)
        is_size = name in {"first", "last"}
        if not (is_size or isinstance(type_, GraphQLNonNull)) and self.chance(1):
            return "null"
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(inner, GraphQLList):
            items = [self.value(inner.of_type, name) for _ in range(self.number(0, 2))]
            return f"[{', '.join(items)}]"
        if isinstance(inner, GraphQLInputObjectType):
            chosen = self.some_of(list(inner.fields))
            texts = [f"{each}: {self.value(inner.fields[each].type, each)}" for each in chosen]
            return "{" + ", ".join(texts) + "}"
        return self.literal(inner, self.plain(inner, name, choice))

    def variable(self, type_: GraphQLInputType, name: str, choice: Sequence[Any]) -> str:
        """Draw a variable: with a value, null, with a default, or undefined."""
        variable = f"v{len(self.definitions)}"
        is_required = isinstance(type_, GraphQLNonNull)
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        declared = str(inner)
        has_default = self.chance(4)
        if is_required and not has_default:
            declared += "!"
        if has_default:
            default = self.json(inner, name, choice)
            declared += f" = {self.literal(inner, default)}"
        self.definitions.append(f"${variable}: {declared}")
        if self.chance(7) or (is_required and not has_default and self.chance(9)):
            self.given[variable] = self.json(inner, name, choice)
        elif self.chance(2):
            self.given[variable] = None
        elif self.chance(1):
            self.given[variable] = self.one_of([{"nonsense": 1}, "nonsense", 3.5, [[]]])
        return f"${variable}"

    def json(self, type_: GraphQLInputType, name: str, choice: Sequence[Any] = ()) -> Any:
        """Draw a JSON value."""
        if isinstance(type_, GraphQLNonNull):
            return self.json(type_.of_type, name)
        if isinstance(type_, GraphQLList):
            return [self.json(type_.of_type, name) for _ in range(self.number(0, 2))]
        if isinstance(type_, GraphQLInputObjectType):
            chosen = self.some_of(list(type_.fields))
            return {each: self.json(type_.fields[each].type, each) for each in chosen}
        return self.plain(type_, name, choice)

    def plain(self, type_: Any, name: str, choice: Sequence[Any] = ()) -> Any:
        """Draw a value of a scalar or an enumeration."""
        if isinstance(type_, GraphQLEnumType):
            return self.one_of(list(type_.values))
        if name in {"first", "last"}:
            return self.one_of(SIZES)
        return self.one_of(
            choice or self.material.named.get(name) or self.material.scalars[type_.name]
        )

    def literal(self, type_: GraphQLInputType, value: Any) -> str:
        """Convert JSON to a literal of the type."""
        if isinstance(type_, GraphQLNonNull):
            return self.literal(type_.of_type, value)
        if isinstance(type_, GraphQLList):
            return f"[{', '.join(self.literal(type_.of_type, each) for each in value)}]"
        if isinstance(type_, GraphQLInputObjectType):
            parts = (f"{k}: {self.literal(type_.fields[k].type, v)}" for k, v in value.items())
            return "{" + ", ".join(parts) + "}"
        return str(value) if isinstance(type_, GraphQLEnumType) else _json(value)

    # Chances -----------------------------------------------------------------------------

    def chance(self, tenths: int) -> bool:
        """Return true with a chance in tenths."""
        return self.number(0, 9) >= 10 - tenths

    def number(self, least: int, most: int) -> int:
        """Draw a whole number."""
        drawn: int = self.draw(_numbers(least, most))
        return drawn

    def one_of(self, choice: Sequence[Any]) -> Any:
        """Draw one of several."""
        return choice[self.number(0, len(choice) - 1)]

    def some_of(self, names: list[str]) -> list[str]:
        """Draw a few of several."""
        return list(dict.fromkeys(self.one_of(names) for _ in range(self.number(1, 3))))


@cache
def _numbers(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def documents(schema: GraphQLSchema, material: ValuePool) -> st.SearchStrategy[GeneratedOperation]:
    """Draw documents over a schema."""

    @st.composite
    def drawn(draw: Callable[[st.SearchStrategy[Any]], Any]) -> GeneratedOperation:
        return OperationGenerator(schema, material, draw).document()

    return drawn()


def _json(value: Any) -> str:
    """Convert JSON to a GraphQL literal, whose keys are names."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    return json.dumps(value)
