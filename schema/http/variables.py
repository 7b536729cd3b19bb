"""Error messages about variables, in terms of JSON.

They replace graphql-core's, which use Python's terms and repeat the whole value in each message.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    is_enum_type,
    is_required_input_field,
    is_specified_scalar_type,
    type_from_ast,
)

from schema.errors import RequestErrorCode

Problem: TypeAlias = tuple[tuple[str | int, ...], str]
# Bounds the response: a small request could otherwise cause a large one.
MAX_PROBLEMS: Final = 10
MAX_NAME: Final = 50
EXPECTED: Final[Mapping[str, str]] = {
    "Boolean": "true or false",
    "Float": "a number",
    "ID": "an ID, which is a string",
    "Int": "a whole number from -2147483648 to 2147483647",
    "String": "a string",
}
KINDS: Final[Mapping[type, str]] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a string",
    type(None): "null",
}


def describe(
    schema: GraphQLSchema, errors: Iterable[GraphQLError], values: Mapping[str, Any]
) -> list[GraphQLError]:
    """Replace the errors about variables by one per problem, at most ten."""
    definitions: dict[VariableDefinitionNode, None] = {}
    others = []
    for error in errors:
        node = error.nodes[0] if error.nodes else None
        if isinstance(node, VariableDefinitionNode) and not (error.extensions or {}).get("code"):
            definitions[node] = None
        else:
            others.append(error)
    found = (each for node in definitions for each in _errors(schema, node, values))
    return [*others, *islice(found, MAX_PROBLEMS)]


def _errors(
    schema: GraphQLSchema, node: VariableDefinitionNode, values: Mapping[str, Any]
) -> Iterator[GraphQLError]:
    name = node.variable.name.value
    type_: Any = type_from_ast(schema, node.type)
    for path, problem in problems(values.get(name, Undefined), type_):
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        yield GraphQLError(
            f"Variable '${name}' has an invalid value{place and ' at '}{place}: {problem}",
            node,
            extensions={
                "code": RequestErrorCode.VARIABLES_INVALID,
                "variable": name,
                "field": list(map(str, path)),
            },
        )


def problems(
    value: Any, type_: GraphQLInputType, path: tuple[str | int, ...] = ()
) -> Iterator[Problem]:
    """Yield the problems of a value, each with its path."""
    if isinstance(type_, GraphQLNonNull):
        if value is None or value is Undefined:
            yield path, "null is not allowed." if value is None else "A value is required."
            return
        type_ = type_.of_type
    if value is None or value is Undefined:
        return
    if isinstance(type_, GraphQLList):
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            inside = (*path, index) if isinstance(value, list) else path
            yield from problems(item, type_.of_type, inside)
    elif isinstance(type_, GraphQLInputObjectType):
        yield from _problems_of_object(value, type_, path)
    else:
        yield from ((path, problem) for problem in _problems_of_leaf(value, type_))


def _problems_of_object(
    value: Any, type_: GraphQLInputObjectType, path: tuple[str | int, ...]
) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield path, f"Expected an object of type {type_}, found {_kind(value)}."
        return
    for name in value:
        if name not in type_.fields:
            yield path, f"{type_} has no field “{name[:MAX_NAME]}”."
    for name, field in type_.fields.items():
        if name in value:
            yield from problems(value[name], field.type, (*path, name))
        elif is_required_input_field(field):
            yield (*path, name), "A value is required."
    if type_.is_one_of and [each is None for each in value.values()] != [False]:
        yield path, f"Give exactly one of {', '.join(type_.fields)}."


def _problems_of_leaf(value: Any, type_: Any) -> Iterator[str]:
    problem = ""
    try:
        if type_.coerce_input_value(value) is not Undefined:
            return
    except GraphQLError as error:
        problem = error.message
    if is_enum_type(type_):
        yield f"Expected a value of the enum {type_}, found {_kind(value)}."
    elif is_specified_scalar_type(type_) or not problem:
        yield f"Expected {EXPECTED.get(type_.name, type_.name)}, found {_kind(value)}."
    else:
        yield problem


def _kind(value: Any) -> str:
    return KINDS.get(type(value), "a file")
