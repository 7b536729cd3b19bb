"""Draws operations that cost as much as the limits allow."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
)

from engine.relay.page_arguments import MAX_PAGE
from schema.documents.cost import CostFormula
from schema.documents.document import Document
from schema.http.execution import problems
from tests.support.documents import SCHEMA

ROOTS: Final = ("users", "organizations")
# Lists that the dataset fills, and objects that lead to them.
LISTS: Final = frozenset({"members", "memberships"})
OBJECTS: Final = frozenset({"user", "organization", "profile"})
MAX_LEVELS: Final = 5


@dataclass(frozen=True, slots=True)
class ExpensiveOperation:
    """An operation, its variables and what it costs."""

    source: str
    variables: dict[str, int]
    formula: CostFormula


@dataclass
class _Drawing:
    rng: random.Random
    names: list[str] = field(default_factory=list)

    def operation(self) -> str:
        roots = self.rng.sample(ROOTS, self.rng.randint(1, len(ROOTS)))
        query: Any = SCHEMA.query_type
        selected = " ".join(self.connection(name, query.fields[name], 0) for name in roots)
        declared = ", ".join(f"${name}: Int" for name in self.names)
        return f"query ({declared}) {{ {selected} }}"

    def connection(self, name: str, of: GraphQLField, level: int) -> str:
        variable = f"n{len(self.names)}"
        self.names.append(variable)
        connection: Any = get_named_type(of.type)
        node: Any = get_named_type(connection.fields["nodes"].type)
        inner = self.object(node, level + 1)
        shape = "edges { cursor node { … } }" if self.rng.random() < 0.5 else "nodes { … }"
        return f"{name}(first: ${variable}) {{ {shape.replace('…', inner)} }}"

    def object(self, type_: GraphQLObjectType, level: int) -> str:
        leaves, objects, lists = [], [], []
        for name, each in type_.fields.items():
            if any(map(is_required_argument, each.args.values())):
                continue
            named: Any = get_named_type(each.type)
            if is_leaf_type(named):
                leaves.append(name)
            elif name in LISTS and "first" in each.args:
                lists.append((name, each))
            elif name in OBJECTS and is_object_type(named):
                objects.append((name, named))
        selected = self.rng.sample(leaves, self.rng.randint(1, len(leaves)))
        if level < MAX_LEVELS:
            if lists:
                selected += [self.connection(*self.rng.choice(lists), level)]
            if objects:
                name, named = self.rng.choice(objects)
                selected.append(f"{name} {{ {self.object(named, level + 1)} }}")
        return " ".join(selected)


def expensive_operations(rng: random.Random) -> Iterator[ExpensiveOperation]:
    """Yield valid operations, with the largest page sizes that their limits allow."""
    while True:
        drawing = _Drawing(rng)
        source = drawing.operation()
        document = Document(source)
        formula = None if problems(document) else document.cost(None)
        if formula is None:
            continue
        sizes = dict.fromkeys(drawing.names, 1)
        if not _is_allowed(formula, sizes):
            continue
        for name in rng.sample(drawing.names, len(drawing.names)):
            sizes[name] = max(
                size
                for size in range(1, MAX_PAGE + 1)
                if _is_allowed(formula, {**sizes, name: size})
            )
        yield ExpensiveOperation(source, sizes, formula)


def _is_allowed(formula: CostFormula, sizes: dict[str, int]) -> bool:
    try:
        formula.evaluate(sizes).check()
    except GraphQLError:
        return False
    return True
