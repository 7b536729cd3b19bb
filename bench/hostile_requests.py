"""Expensive or malformed documents, values and byte streams."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

# The size of a document in the first stage.
DOCUMENT_BYTES: Final = 4_000
NASTY_STRINGS: Final = (
    "",
    "\0",
    "\ud800",
    "a" * 50_000,
    "\u0301" * 20_000,
    "\u202e\u200b\ufeff",
    "' OR 1=1 --",
    "%_%_%",
    "١٢٣",
)
NASTY_NUMBERS: Final = (0, -1, 2**31, 2**53, 2**63, 2**64, 10**400, 1e308, -0.0)
MOMENTS: Final = (
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-02-30T00:00:00Z",
    "1969-12-31T23:59:60Z",
    "",
)


def distinct_documents(count: int) -> Iterator[bytes]:
    """Yield distinct valid operations of 4 kB."""
    for number in range(count):
        head = f"query Q{number} {{ me {{ "
        fields = [f"a{place}_{number}: username" for place in range(25)]
        document = f"{head}{' '.join(fields)} }} }}"
        # Commas are insignificant, but count towards the size.
        yield _body(document.ljust(DOCUMENT_BYTES, ","))


def hostile_bodies(count: int, rng: random.Random) -> Iterator[bytes]:
    """Draw bodies of all kinds."""
    for _number in range(count):
        yield rng.choice(KINDS)(rng)


def _body(document: str, variables: Any = None, **more: Any) -> bytes:
    return json.dumps({"query": document, "variables": variables, **more}).encode()


def _introspection(rng: random.Random) -> bytes:
    """Request the schema under many aliases."""
    inner = "name fields { name args { name type { name ofType { name ofType { name } } } } }"
    names = [f"t{number}: types {{ {inner} }}" for number in range(rng.randint(1, 12))]
    return _body(f"{{ __schema {{ {' '.join(names)} }} }}")


def _schemas(rng: random.Random) -> bytes:
    roots = [
        f"s{number}: __schema {{ types {{ fields {{ type {{ fields {{ name }} }} }} }} }}"
        for number in range(rng.randint(1, 10))
    ]
    return _body(f"{{ {' '.join(roots)} }}")


def _repeated_fields(rng: random.Random) -> bytes:
    """Make validation compare all pairs of fields."""
    field = rng.choice(("profile { bio }", "username", "groups { name }", "... { id }"))
    return _body(f"{{ me {{ {f'{field} ' * rng.randint(50, 240)}}} }}")


def _doubling_fragments(rng: random.Random) -> bytes:
    count = rng.randint(5, 40)
    parts = [f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(count)]
    parts.append(f"fragment F{count} on User {{ id }}")
    return _body(f"{{ me {{ ...F0 }} }} {' '.join(parts)}")


def _circular_fragments(_rng: random.Random) -> bytes:
    return _body("{ me { ...A } } fragment A on User { ...B } fragment B on User { ...A }")


def _wide_lists(rng: random.Random) -> bytes:
    """Select many fields of many rows."""
    aliases = " ".join(f"b{number}: bio" for number in range(rng.randint(1, 30)))
    first, second = rng.choice(((100, 100), (20, 100), (100, 20)))
    return _body(
        f"{{ organizations(first: {first}) {{ nodes {{ members(first: {second})"
        f" {{ nodes {{ user {{ profile {{ {aliases} }} }} }} }} }} }} }}"
    )


def _deep_document(rng: random.Random) -> bytes:
    depth = rng.randint(10, 2_000)
    return _body("{ me " * depth + "{ id }" + " }" * depth)


def _deep_variables(rng: random.Random) -> bytes:
    depth = rng.randint(10, 40_000)
    nested = "[" * depth + "]" * depth
    return b'{"query": "query ($a: JSON) { __typename }", "variables": {"a": %s}}' % nested.encode()


def _nasty_search(rng: random.Random) -> bytes:
    document = "query ($text: String) { users(first: 50, search: $text) { nodes { id } } }"
    return _body(document, {"text": rng.choice(NASTY_STRINGS)})


def _nasty_moments(rng: random.Random) -> bytes:
    document = """query ($since: DateTime, $until: DateTime) {
        users(first: 10, filter: {joined: {since: $since, until: $until}}) { nodes { id } }
    }"""
    return _body(document, {"since": rng.choice(MOMENTS), "until": rng.choice(MOMENTS)})


def _nasty_numbers(rng: random.Random) -> bytes:
    document = "query ($first: Int) { users(first: $first) { nodes { id } } }"
    return _body(document, {"first": rng.choice(NASTY_NUMBERS)})


def _nested_pages(rng: random.Random) -> bytes:
    """Request page sizes whose product exceeds the limit, in variables."""
    document = """query ($a: Int, $b: Int, $c: Int) { users(first: $a) { nodes {
        memberships(first: $b) { nodes { organization { members(first: $c) { nodes { id } } } } }
    } } }"""
    sizes = (*NASTY_NUMBERS, 1, 27, 100)
    return _body(document, {name: rng.choice(sizes) for name in "abc"})


def _nasty_ids(rng: random.Random) -> bytes:
    ids = [rng.choice((*NASTY_STRINGS, "VXNlcjox", "////", "VXNlcjo=")) for _number in range(20)]
    return _body("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids})


def _nasty_log_in(rng: random.Random) -> bytes:
    document = """mutation ($login: String!, $password: String!) {
        logIn(input: {login: $login, password: $password}) { errors { code } }
    }"""
    return _body(
        document, {"login": rng.choice(NASTY_STRINGS), "password": rng.choice(NASTY_STRINGS)}
    )


def _nasty_profile(rng: random.Random) -> bytes:
    document = """mutation ($bio: String) {
        updateProfile(input: {bio: $bio}) { errors { code } }
    }"""
    return _body(document, {"bio": rng.choice((*NASTY_STRINGS, None))})


def _no_json(rng: random.Random) -> bytes:
    return rng.choice(
        (
            b"",
            b"null",
            b"1",
            b"[]",
            b"{",
            b'"a"',
            b"\xff\xfe",
            b'{"query": 1}',
            b'{"query": "{ me }", "operationName": "\\ud800"}',
            b'{"query": "{ __typename }", "variables": []}',
            b"[" * 50_000,
        )
    )


def _noise(rng: random.Random) -> bytes:
    return _body("".join(rng.choices('{}()[]:!$@..."\\#, \nabcmeid0123', k=rng.randint(1, 400))))


def _many_operations(rng: random.Random) -> bytes:
    count = rng.randint(2, 100)
    document = " ".join(f"query Q{number} {{ me {{ id }} }}" for number in range(count))
    return _body(document, operationName=f"Q{rng.randrange(count + 1)}")


def _many_variables(rng: random.Random) -> bytes:
    names = [f"$v{number}: [[String!]!]" for number in range(rng.randint(10, 150))]
    return _body(f"query ({', '.join(names)}) {{ __typename }}", {"v0": [["a"] * 5_000]})


def _unknown_fields(rng: random.Random) -> bytes:
    """Give an input object fields that it does not have."""
    fields = {f"k{number}": 1 for number in range(rng.randint(10, 8_000))}
    document = "mutation ($v: LogInInput!) { logIn(input: $v) { errors { code } } }"
    return _body(document, {"v": fields})


def _many_objects(rng: random.Random) -> bytes:
    """Send as many input objects as are converted, and more."""
    filters: list[Any] = [{}] * rng.randint(10, 2_000)
    document = "query ($v: UserFilter) { users(first: 1, filter: $v) { nodes { id } } }"
    return _body(document, {"v": {rng.choice(("and", "or")): filters}})


def _unknown_names(rng: random.Random) -> bytes:
    """Make validation search for suggestions of similar names."""
    return _body(
        f"{{ {' '.join(f'usrs{rng.random():.6f}'[:12].replace('.', 'x') for _ in range(9))} }}"
    )


KINDS: Final[tuple[Callable[[random.Random], bytes], ...]] = (
    _introspection,
    _schemas,
    _repeated_fields,
    _doubling_fragments,
    _circular_fragments,
    _wide_lists,
    _deep_document,
    _deep_variables,
    _nasty_search,
    _nasty_moments,
    _nasty_numbers,
    _nested_pages,
    _nasty_ids,
    _nasty_log_in,
    _nasty_profile,
    _no_json,
    _noise,
    _many_operations,
    _many_variables,
    _unknown_fields,
    _many_objects,
    _unknown_names,
)

STREAMS: Final = (
    b"\x16\x03\x01\x02\x00",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\n",
    b"GET /" + b"a" * 20_000,
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 5_000,
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 500,
)
