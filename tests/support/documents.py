"""Documents generated from the schema, for every root field and list.

`documents` labels each document with names of the schema. In a document, `$n` is the page size,
`$cursor` the end cursor of the previous page, and `$user`, `$organization`, `$group`, `$bulk`,
`$export`, `$import` and `$webhook` are ids.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)

from schema.console.examples import example_operations
from schema.root import schema

SCHEMA: Any = schema._schema  # noqa: SLF001 - no public API

# Values of arguments and input fields, by coordinate or type.
VALUES: Final = {
    "Query.bulkAction(id:)": "$bulk",
    "Query.job(id:)": "$export",
    "Query.organization(id:)": "$organization",
    "Query.webhook(id:)": "$webhook",
    "Query.userBy(by:)": '{username: "person-000"}',
    "Query.users(search:)": '"person"',
    "UserFilter.group": "$group",
    "UserFilter.groupId": "$group",
    "UserFilter.membership.organizationId": "$organization",
    "ExternalIdInput": '{source: "crm", value: "17"}',
    "UserFilter.locale": '"en"',
    "UserFilter.email": '"000@example.org"',
    "UserFilter.username": '"person-000"',
    "UserFilter.membership.organization": "$organization",
    "UserFilter": "{isActive: true}",
    "Boolean": "true",
    "Date": '"2026-01-01"',
    "DateTime": '"2026-01-01T00:00:00Z"',
    "ID": "$user",
    "JSON": '{plan: "team"}',
    "Role": "MEMBER",
    "String": '"example.org"',
    "Tag": "LOGGED_IN",
    "WebhookDeliveryState": "PENDING",
}
PAGING: Final = {"first", "last", "after", "before"}
ITEMS: Final = {"edges", "nodes", "pageInfo"}
CONNECTION: Final = "Connection"


def documents() -> Iterator[tuple[str, str]]:
    """Yield labels and documents."""
    for name, field in SCHEMA.query_type.fields.items():
        if _is_connection(field):
            yield from _List("Query", name, "{ LIST }").documents()
        else:
            yield f"Query.{name}", f"{{ {_call(name, field)} {{ __typename }} }}"
    for type_name, name in connections():
        if type_name != "Query":
            for frame in _frames(type_name):
                yield from _List(type_name, name, frame).documents()


def complete(document: str, ids: dict[str, str], size: int) -> str:
    """Substitute ids and the page size, without a cursor."""
    for name, id_ in ids.items():
        document = document.replace(f"${name}", json.dumps(id_))
    return document.replace("$n", str(size))


def paged(document: str, ask: Callable[[str], str]) -> str:
    """Substitute the end cursor of the previous page, which ``ask`` fetches."""
    if "$cursor" not in document:
        return document
    before = ask(document.replace("$cursor", "null"))
    ends = re.findall(r'"endCursor": ("[^"]+")', before)
    return document.replace("$cursor", ends[0] if ends else "null")


def documented(name: str, ids: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Return an operation of docs/operations and its variables with ids."""
    (operation,) = (each for each in example_operations() if each["name"] == name)
    variables = json.loads(operation["variables"] or "{}")
    if "id" in variables:
        kinds = {
            **dict.fromkeys(("Organization", "OrganizationEvents"), "organization"),
            "BulkAction": "bulk",
            "Job": "export",
            "Webhook": "webhook",
        }
        variables["id"] = ids[kinds.get(name, "user")]
    return operation["document"], variables


# Types with lists that no root field returns as such.
BY_NODE: Final = {"UserImport": "$import"}


def connections() -> Iterator[tuple[str, str]]:
    """Yield the types and names of connection fields."""
    for type_name, type_ in SCHEMA.type_map.items():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                if _is_connection(field):
                    yield type_name, name


def _is_connection(field: Any) -> bool:
    type_ = get_named_type(field.type)
    return isinstance(type_, GraphQLObjectType) and type_.name.endswith(CONNECTION)


class _List:
    """A connection and its place in a document."""

    def __init__(self, parent: str, name: str, frame: str) -> None:
        self.coordinate = f"{parent}.{name}"
        self.name, self.frame = name, frame
        self.field = SCHEMA.type_map[parent].fields[name]
        self.fields = get_named_type(self.field.type).fields

    def documents(self) -> Iterator[tuple[str, str]]:
        """Yield pages, facts about the list, and arguments alone and in pairs.

        Facts are also combined with each argument that is neither order nor filter.
        """
        yield from self._pages()
        yield from self._facts(self.coordinate)
        orders, filters, others = (
            list(each()) for each in (self._orders, self._filters, self._others)
        )
        for about, order in orders:
            yield about, self._ask(order)
        for about, other in others:
            yield about, self._ask(other)
            yield from self._facts(about, other)
            for _about, order in orders:
                yield about, self._ask(other, order)
        for about, given in filters:
            yield about, self._ask(given)
            for _about, other in (*orders, *others):
                yield about, self._ask(given, other)

    def _ask(self, *arguments: str, size: str = "first: $n", fact: str = "") -> str:
        info = _select("pageInfo", self.fields["pageInfo"])
        items = f"edges {{ cursor node {{ __typename }} }} nodes {{ __typename }} {info} {fact}"
        return self.frame.replace(
            "LIST", f"{self.name}({', '.join((size, *arguments))}) {{ {items} }}"
        )

    def _pages(self) -> Iterator[tuple[str, str]]:
        yield self.coordinate, self._ask()
        yield self.coordinate, self._ask(size="last: $n")
        # A cursor belongs to one list.
        if "$n" not in self.frame:
            yield self.coordinate, self._ask("after: $cursor")
            yield self.coordinate, self._ask("before: $cursor", size="last: $n")

    def _facts(self, about: str, *arguments: str) -> Iterator[tuple[str, str]]:
        for name, field in self.fields.items():
            if name not in ITEMS:
                yield f"{about} {name}", self._ask(*arguments, fact=_select(name, field))

    def _orders(self) -> Iterator[tuple[str, str]]:
        if "orderBy" in self.field.args:
            order = get_named_type(self.field.args["orderBy"].type).fields
            by, directions = (get_named_type(order[name].type) for name in ("field", "direction"))
            for value in by.values:
                for direction in directions.values:
                    given = f"orderBy: {{field: {value}, direction: {direction}}}"
                    yield f"{by.name}.{value}", given

    def _filters(self) -> Iterator[tuple[str, str]]:
        if "filter" in self.field.args:
            type_ = get_named_type(self.field.args["filter"].type)
            for about, value in _conditions(type_.name, type_):
                yield about, f"filter: {value}"

    def _others(self) -> Iterator[tuple[str, str]]:
        for name, argument in self.field.args.items():
            if name not in {*PAGING, "orderBy", "filter"}:
                about = f"{self.coordinate}({name}:)"
                yield about, f"{name}: {_value(about, argument.type)}"


def _conditions(path: str, type_: GraphQLInputObjectType) -> Iterator[tuple[str, str]]:
    """Yield the conditions of a filter and of its nested inputs."""
    for name, field in type_.fields.items():
        about, inner = f"{path}.{name}", get_named_type(field.type)
        if isinstance(inner, GraphQLInputObjectType) and inner.name not in VALUES:
            for deeper, value in _conditions(about, inner):
                yield deeper, f"{{{name}: {value}}}"
        else:
            yield about, f"{{{name}: {_value(about, field.type)}}}"


def _value(about: str, type_: Any) -> str:
    value = VALUES.get(about) or VALUES[get_named_type(type_).name]
    return f"[{value}]" if is_list_type(type_) else value


def _call(name: str, field: Any) -> str:
    """Return the field with its required arguments."""
    given = ", ".join(
        f"{key}: {_value(f'Query.{name}({key}:)', argument.type)}"
        for key, argument in field.args.items()
        if is_required_argument(argument)
    )
    return f"{name}({given})" if given else name


def _frames(type_name: str) -> Iterator[str]:
    """Yield paths from the root to one object of the type, and to many."""
    for name, field in SCHEMA.query_type.fields.items():
        type_ = get_named_type(field.type)
        if type_.name == type_name:
            yield f"{{ {_call(name, field)} {{ LIST }} }}"
        elif _is_connection(field) and get_named_type(type_.fields["nodes"].type).name == type_name:
            yield f"{{ {name}(first: $n) {{ nodes {{ LIST }} }} }}"
    if type_name in BY_NODE:
        yield f"{{ node(id: {BY_NODE[type_name]}) {{ ... on {type_name} {{ LIST }} }} }}"


def _select(name: str, field: Any) -> str:
    """Return the field with its leaf fields."""
    type_ = get_named_type(field.type)
    return name if is_leaf_type(type_) else f"{name} {{ {' '.join(type_.fields)} }}"
