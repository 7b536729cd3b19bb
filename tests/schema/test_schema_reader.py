"""`SchemaReader` returns what graphql-core returns, for documents drawn over all introspection."""

import random
from collections.abc import Iterator
from typing import Final

import orjson
import pytest
from graphql import (
    GraphQLObjectType,
    get_named_type,
    get_variable_values,
    graphql_sync,
    introspection_types,
    is_leaf_type,
    parse,
    validate,
)

from engine.plan.selection import OperationDocument
from schema.http.schema_reader import SchemaReader
from tests.support.documents import SCHEMA

DOCUMENTS: Final = 20
DEPTH: Final = 4
VARIABLES: Final = {"yes": True, "type": "User"}
NAMES: Final = ("User", "Query", "OrderDirection", "UserFilter", "Node", "ID", "Missing")


class Drawing:
    """Draws documents of introspection, with their fragments."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.aliases = self._aliases()

    def document(self) -> str:
        self.fragments: list[str] = []
        roots = " ".join(f"r{number}: {self._root()}" for number in range(self.rng.randint(1, 3)))
        body = " ".join([f"{{ __typename {roots} }}", *self.fragments])
        types = {"yes": "Boolean!", "type": "String!"}
        used = ", ".join(f"${name}: {type_}" for name, type_ in types.items() if f"${name}" in body)
        return f"query Named {f'({used})' if used else ''} {body}"

    def _root(self) -> str:
        if self.rng.random() < 0.3:
            name = self.rng.choice(("$type", *(f'"{each}"' for each in NAMES)))
            return f"__type(name: {name}) {self._selection('__Type', DEPTH)}"
        return f"__schema {self._selection('__Schema', DEPTH)}"

    def _selection(self, type_name: str, depth: int) -> str:
        type_ = introspection_types[type_name]
        assert isinstance(type_, GraphQLObjectType)
        names = [
            name
            for name, field in type_.fields.items()
            if depth > 1 or is_leaf_type(get_named_type(field.type))
        ]
        chosen = self.rng.sample(names, min(len(names), self.rng.randint(1, 4)))
        parts = ["__typename", *(self._field(type_, name, depth) for name in chosen)]
        self.rng.shuffle(parts)
        return f"{{ {' '.join(self._wrapped(part, type_name) for part in parts)} }}"

    def _field(self, type_: GraphQLObjectType, name: str, depth: int) -> str:
        field = type_.fields[name]
        named = get_named_type(field.type)
        # Fields with one key must have the same arguments, wherever fragments bring them together.
        text = f"{next(self.aliases)}: {name}" if field.args or self.rng.random() < 0.2 else name
        if "includeDeprecated" in field.args and self.rng.random() < 0.5:
            text += f"(includeDeprecated: {self.rng.choice(('true', 'false', '$yes'))})"
        if self.rng.random() < 0.1:
            condition = self.rng.choice(("true", "false", "$yes"))
            text += f" @{self.rng.choice(('skip', 'include'))}(if: {condition})"
        return text if is_leaf_type(named) else f"{text} {self._selection(named.name, depth - 1)}"

    def _wrapped(self, part: str, type_name: str) -> str:
        drawn = self.rng.random()
        if drawn < 0.1:
            return f"... on {type_name} {{ {part} }}"
        if drawn < 0.2:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {type_name} {{ {part} }}")
            return f"...{name}"
        return part

    def _aliases(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"a{number}"


@pytest.mark.parametrize("seed", range(3))
def test_drawn_documents_have_the_answer_of_graphql_core(seed: int) -> None:
    drawing = Drawing(random.Random(seed))  # noqa: S311 - repeatable
    compared = 0
    while compared < DOCUMENTS:
        text = drawing.document()
        syntax = parse(text)
        if errors := validate(SCHEMA, syntax):
            assert {error.message for error in errors} == {"Maximum introspection depth exceeded"}
            continue
        expected = graphql_sync(SCHEMA, text, variable_values=VARIABLES)
        assert expected.errors is None
        operation = OperationDocument.of(SCHEMA, syntax, "Named")
        definitions = operation.operation.variable_definitions or ()
        variables = get_variable_values(SCHEMA, definitions, VARIABLES)
        assert not isinstance(variables, list)
        reader = SchemaReader(operation, variables)
        # As bytes, because the order of keys belongs to the answer.
        assert orjson.dumps(reader.data()) == orjson.dumps(expected.data), text
        compared += 1
