"""Inputs generated from the schema: null, absent and extreme values at every place.

A `Place` is an argument, or a nested field of its input object. Each field is called with valid
inputs from `tests.support.tables.authorization` and `tests.support.documents`, in which one place
at a time has another value.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLInputObjectType,
    get_named_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    parse_value,
    value_from_ast_untyped,
)

from tests.support.documents import SCHEMA, VALUES
from tests.support.tables.authorization.reads import READS
from tests.support.tables.authorization.writes import WRITES

ABSENT: Final = object()


class RawJSON(str):
    """Raw JSON, for values that `json.dumps` does not produce."""

    __slots__ = ()


def nested(depth: int) -> RawJSON:
    """Return alternating objects and lists, nested ``depth`` levels deep."""
    pairs, odd = divmod(depth, 2)
    return RawJSON('{"a":[' * pairs + "{" * odd + "}" * odd + "]}" * pairs)


# The bounds of 32-, 53- and 64-bit integers and of doubles, and values beyond.
NUMBERS: Final = [
    *map(RawJSON, ("-0", "-0.0", "1.5", "1e2", "5e-324", "1e-400", "1e20", "-1e20")),
    *(RawJSON(sign * 2**bits) for bits in (31, 53, 63, 64) for sign in (1, -1)),
    *(RawJSON(2**bits - 1) for bits in (31, 53, 63, 64)),
    *map(RawJSON, ("1.7976931348623157e308", "1e400", "-1e400", "9" * 400, "9" * 5_000)),
]
SURROGATES: Final = [*map(RawJSON, (r'"\ud800"', r'"a\udc00\ud800b"', r'"\ud83d\ude00"'))]
STRINGS: Final = [
    *("", "\0", "a\0b", "a" * 70_000, "é" * 151, "\n\r\t\x01\x1b\x7f\x85"),
    *("\u202e\u2066\u200d\ufeff\u00ad", "\U0010ffff", "e" + "\u0301" * 5_000, "'\"\\;--%s{0}", "²"),
]
TEXTS: Final = [*STRINGS, *SURROGATES]
IDS: Final = [
    # In base 64: a group's with ², with twenty digits, -1 and 1_0, a user's with x and with
    # braces, nothing, NUL, bytes that are no text, a group's without key, and of no length.
    *("R3JvdXA6wrI=", "R3JvdXA6OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "R3JvdXA6LTE=", "R3JvdXA6MV8w"),
    *("VXNlcjp4", "VXNlcjp7MDAwMDAwMDAwMDAwfQ==", "Og==", "WDoA", "//8=", "R3JvdXA6", "="),
    *("é", "R3JvdXA6MQ", "R3JvdXA6MTo6MQ=="),
]
OFFSETS: Final = [
    "Z",
    *(f"{sign}{each}" for sign in "+-" for each in ("00:01", "15:59", "16:00", "23:59")),
]
MOMENTS: Final = [
    *(
        f"{end}{offset}"
        for end in ("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "2026-01-01T00:00:00")
        for offset in OFFSETS
    ),
    *("2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:00:01", "9999-12-31T24:00:00Z"),
    *("2026-06-30T23:59:60Z", "2026-02-30T00:00:00Z", "2026-01-01"),
    *("2026-01-01T00:00:00", "20260101T000000Z", "2026-W01-1T00:00:00Z", "0000-01-01T00:00:00Z"),
    *("10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "infinity", "now", "4713-01-01 BC"),
    "2026-01-01T00:00:00,123456789Z",
]
DAYS: Final = [
    *("0001-01-01", "9999-12-31", "2026-02-30", "0000-01-01", "10000-01-01", "20260101"),
    *("2026-W01-1", "2026-01-01T00:00:00Z", "infinity", "today"),
]
JSONS: Final = [
    *(RawJSON(f'{{"a": {number}}}') for number in NUMBERS),
    *map(nested, (1, 9, 10, 11, 60, 250, 1_000, 5_000)),
    *({"a": text} for text in STRINGS),
    *({text: 1} for text in STRINGS),
    *(RawJSON(f'{{"a": {text}}}') for text in SURROGATES),
    *(RawJSON(f"{{{text}: 1}}") for text in SURROGATES),
    *({"a": list(range(5_000))}, {str(number): None for number in range(2_000)}),
    RawJSON('{"a": 1, "a": 2}'),
]
EXTREMES: Final[Mapping[str, Sequence[Any]]] = {
    "String": TEXTS,
    "ID": [*IDS, *STRINGS[:7], *SURROGATES, *map(RawJSON, (2**64, "1e20"))],
    "Int": NUMBERS,
    "Boolean": [],
    "DateTime": MOMENTS,
    "Date": DAYS,
    "JSON": JSONS,
    "Upload": [],
}
# All JSON types, of which most are wrong for a place.
KINDS: Final = [ABSENT, None, True, [None], {"a": 1}]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the arguments of a field."""

    path: tuple[str, ...]
    type: Any

    def __str__(self) -> str:
        """Return the path as clients write it."""
        return ".".join(self.path)

    @property
    def type_name(self) -> str:
        """The name of the type without list wrappers."""
        return str(get_named_type(self.type))

    def extremes(self) -> Iterator[Any]:
        """Yield values of the type, up to its bounds and beyond."""
        named = get_named_type(self.type)
        if is_enum_type(named):
            yield from ("", "none", "NONE")
        elif is_leaf_type(named):
            extremes = EXTREMES[named.name]
            if _is_list(self.type):
                yield from ([each] for each in extremes if not isinstance(each, RawJSON))
                yield ["x"] * 2_000
            yield from extremes


@dataclass(frozen=True, slots=True)
class OperationCase:
    """A field with a document and valid arguments."""

    name: str
    operation: str
    arguments: Mapping[str, Any]
    # The document around the field, with placeholders.
    frame: str
    base: Mapping[str, Any]

    def body(self, place: Place, value: Any) -> bytes:
        """Return a request with the value at the place, in variables."""
        declared = ", ".join(f"${name}: {each.type}" for name, each in self.arguments.items())
        given = ", ".join(f"{name}: ${name}" for name in self.arguments)
        query = f"{self.operation} ({declared}) {self._framed(given)}"
        variables = with_value(self.base, place, MARK if isinstance(value, RawJSON) else value)
        body = json.dumps({"query": query, "variables": variables})
        return body.replace(json.dumps(MARK), str(value)).encode()

    def written(self, place: Place, value: Any) -> bytes:
        """Return a request with the value at the place, as a literal in the document."""
        arguments = with_value(self.base, place, MARK if isinstance(value, RawJSON) else value)
        given = ", ".join(
            f"{name}: {_literal(self.arguments[name].type, each)}"
            for name, each in arguments.items()
        )
        query = f"{self.operation} {self._framed(given.replace(json.dumps(MARK), str(value)))}"
        return json.dumps({"query": query}).encode()

    def _framed(self, given: str) -> str:
        return self.frame.replace("ARGUMENTS", f"({given})" if given else "")

    def places(self) -> Iterator[Place]:
        """Yield all places of the arguments."""
        for name, argument in self.arguments.items():
            yield from _places((name,), argument.type, frozenset())


# The placeholder of a `RawJSON` value.
MARK: Final = "here it is"


def _places(path: tuple[str, ...], type_: Any, above: frozenset[str]) -> Iterator[Place]:
    """Yield a place and its nested ones, except of types in ``above`` (recursion)."""
    yield Place(path, type_)
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType) and named.name not in above:
        for key, field in named.fields.items():
            yield from _places((*path, key), field.type, above | {named.name})


def with_value(base: Mapping[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """Return the arguments with the value at the place; drop siblings in a oneOf input."""
    given = copy.deepcopy(dict(base))
    inner = given
    *way, last = place.path
    for step in way:
        if not isinstance(inner.get(step), dict):
            inner[step] = {}
        inner = inner[step]
    if len(way) > 1 and way[-1] in ONE_OF:
        inner.clear()
    inner[last] = value
    if value is ABSENT:
        del inner[last]
    return given


# Places whose types are oneOf inputs.
ONE_OF: Final = frozenset(
    name
    for type_ in SCHEMA.type_map.values()
    if isinstance(type_, GraphQLInputObjectType)
    for name, field in type_.fields.items()
    if getattr(get_named_type(field.type), "is_one_of", False)
)


def mutations(complete: Any) -> Iterator[OperationCase]:
    """Yield the mutations with a valid input."""
    for name, field in SCHEMA.mutation_type.fields.items():
        if field.args:
            input_ = value_from_ast_untyped(parse_value(complete(WRITES[name][0])), {"image": None})
            frame = f"{{ {name}ARGUMENTS {{ {_selected(get_named_type(field.type))} }} }}"
            yield OperationCase(name, "mutation", field.args, frame, {"input": input_})


def queries(ids: Mapping[str, str]) -> Iterator[OperationCase]:
    """Yield fields with arguments, of the root and of other types."""
    for name, field in SCHEMA.query_type.fields.items():
        if field.args:
            yield _asked("Query", name, "{ FIELD }", ids)
    for type_name, (path, _fields) in READS.items():
        for name, field in SCHEMA.type_map[type_name].fields.items():
            if field.args:
                yield _asked(type_name, name, f"{{ {path} }}", ids)


def _asked(type_name: str, name: str, path: str, ids: Mapping[str, str]) -> OperationCase:
    field = SCHEMA.type_map[type_name].fields[name]
    base: dict[str, Any] = {}
    for argument, each in field.args.items():
        if argument == "first":
            base[argument] = 1
        elif is_required_argument(each):
            about = f"{type_name}.{name}({argument}:)"
            value = VALUES.get(about) or VALUES[get_named_type(each.type).name]
            is_id = value.startswith("$")
            base[argument] = ids[value[1:]] if is_id else value_from_ast_untyped(parse_value(value))
    selected = _selected(get_named_type(field.type))
    for key, id_ in ids.items():
        path = path.replace(f"${key}", json.dumps(id_))
    inner = "" if is_leaf_type(get_named_type(field.type)) else f"{{ {selected} }}"
    frame = path.replace("FIELD", f"{name}ARGUMENTS {inner}")
    return OperationCase(f"{type_name}.{name}", "query", field.args, frame, base)


def _selected(type_: Any) -> str:
    """Return the selection of a payload: its leaves, and `__typename` of nested objects."""
    if not type_.name.endswith("Payload"):
        return "__typename"
    leaves = (
        key if is_leaf_type(get_named_type(field.type)) else f"{key} {{ __typename }}"
        for key, field in type_.fields.items()
        if not field.args and key != "errors"
    )
    return f"errors {{ code field message }} {' '.join(leaves)}"


def _literal(type_: Any, value: Any) -> str:
    """Return JSON as a GraphQL literal, in which keys and enum values are names."""
    named = get_named_type(type_)
    if isinstance(value, dict):
        fields = getattr(named, "fields", {})
        inner = (
            f"{name}: {_literal(fields[name].type if name in fields else None, each)}"
            for name, each in value.items()
        )
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_literal(named, each) for each in value)}]"
    return value if is_enum_type(named) and isinstance(value, str) else json.dumps(value)


def _is_list(type_: Any) -> bool:
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)
