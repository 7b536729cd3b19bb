"""The most expensive documents, before execution, that the limits allow."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from schema.documents.limits import MAX_CHARACTERS, MAX_TOKENS

SPARE: Final = 1_000


def names(count: int, text: str) -> str:
    return " ".join(text.replace("N", str(number)) for number in range(count))


def repeated(count: int, text: str, around: str = "{me{…}}") -> str:
    return around.replace("…", text * count)


def fragments(count: int, on: str, selections: Callable[[int], str]) -> str:
    return " ".join(f"fragment F{n} on {on}{{{selections(n)}}}" for n in range(count))


def spreads(numbers: range) -> str:
    return "".join(f"...F{number} " for number in numbers)


# Documents of repeated pieces, as many as the token limit allows.
PIECES: Final[Mapping[str, Callable[[int], str]]] = {
    "objects": partial(repeated, text="profile{bio}"),
    "deep objects": partial(repeated, text="memberships(first:1){nodes{user{profile{bio}}}}"),
    "leaves": partial(repeated, text="id "),
    "leaves with selections": partial(repeated, text="id{id}"),
    "objects without selections": partial(repeated, text="profile "),
    "inline fragments": partial(repeated, text="...on User{profile{bio}}"),
    "one fragment": lambda n: repeated(n, "...F ") + "fragment F on User{id}",
    "many fragments": lambda n: (
        f"{{me{{{spreads(range(n))}}}}}" + fragments(n, "User", lambda _n: "profile{bio}")
    ),
    "unused fragments": lambda n: "{me{id}}" + fragments(n, "User", lambda _n: "id"),
    "unknown fragments": lambda n: f"{{me{{{spreads(range(n))}}}}}",
    "chain of fragments": lambda n: (
        "{me{...F0}}" + fragments(n, "User", lambda each: f"id ...F{each + 1} ")
    ),
    "cycle of fragments": lambda n: (
        "{me{...F0}}"
        + fragments(n, "User", lambda each: f"id ...F{(each + 1) % n} ...F{(each + 7) % n} ")
    ),
    "all fragments in each": lambda n: (
        "{me{...F0}}"
        + fragments(n, "User", lambda each: f"profile{{bio}} {spreads(range(each + 1, n))}")
    ),
    "doubling fragments": lambda n: (
        "{me{...F0}}" + fragments(n, "User", lambda each: f"id ...F{each + 1} ...F{each + 1} ")
    ),
    "interface": partial(
        repeated, text="...on User{id name profile{bio website}}", around='{node(id:"x"){…}}'
    ),
    "conflicts": lambda n: "{me{" + names(n, "memberships(first:N){nodes{id}}") + "}}",
    "conflicting fragments": lambda n: (
        f"{{me{{{spreads(range(n))}}}}}"
        + fragments(n, "User", lambda each: f"memberships(first:{each}){{nodes{{id}}}}")
    ),
    "operations": partial(names, text="query Q N{me{id}}".replace("Q N", "QN")),
    "operations of one name": partial(repeated, text="query Q{me{id}}", around="…"),
    "operations of one fragment": lambda n: (
        names(n, "query QN{...F}") + "fragment F on Query{me{id profile{bio}}}"
    ),
    "operations of introspection": lambda n: (
        names(n, "query QN{...F}") + "fragment F on Query{__schema{types{fields{args{name}}}}}"
    ),
    "operations of many variables": lambda n: (
        names(n, "query QN($v:ID){...F}") + "fragment F on Query{node(id:$v){id}me{id}}"
    ),
    "variables": lambda n: f"query({names(n, '$vN:ID')}){{me{{id}}}}",
    "variables of unknown types": lambda n: (
        f"query({names(n, '$vN:OrganizationInvitationConnectioN')}){{me{{id}}}}"
    ),
    "undefined variables": lambda n: (
        "{me{" + names(n, "aN:memberships(first:$vN){nodes{id}}") + "}}"
    ),
    "wide literal": lambda n: f"{{users(first:1 filter:{{{'a:1 ' * n}}}){{nodes{{id}}}}}}",
    "wide literal of names": lambda n: (
        f"{{users(first:1 filter:{{{names(n, 'joineN:1')}}}){{nodes{{id}}}}}}"
    ),
    "list of literals": lambda n: f"{{users(first:[{'1 ' * n}]){{nodes{{id}}}}}}",
    "lists of literals": partial(
        repeated, text="memberships(first:[1 1 1 1 1 1 1 1 1 1]){nodes{id}}"
    ),
    "unknown enum values": lambda n: (
        f"{{users(first:1 orderBy:{{field:[{names(n, 'USERNAMN')}]}}){{nodes{{id}}}}}}"
    ),
    "unknown fields": lambda n: "{me{" + names(n, "usernamN") + "}}",
    "unknown long fields": lambda n: "{me{" + names(n, "username" * 10 + "N") + "}}",
    "unknown mutations": lambda n: (
        "mutation{" + names(min(n, 10), "beginPasskeyRegistratioN") + "}"
    ),
    "unknown types": lambda n: (
        "{me{id}}" + names(n, "fragment FN on OrganizationInvitationConnectioN{id}")
    ),
    "unknown arguments": lambda n: f"{{users({names(n, 'firsN:1')}){{nodes{{id}}}}}}",
    "arguments of one name": lambda n: f"{{users({'first:1 ' * n}){{nodes{{id}}}}}}",
    "unknown directives": lambda n: "{me{" + names(min(n, 20), "id @skiN") + "}}",
    "directives of variables": lambda n: f"query({names(n, '$vN:ID @a')}){{me{{id}}}}",
    "definitions of types": partial(names, text="type TN{a:Int}"),
    "comments": lambda n: "#\n" * n + "{me{id}}",
    "introspection": partial(
        repeated, text="fields{name args{name type{name}}}", around="{__schema{types{…}}}"
    ),
}
# Documents with a number of characters.
TEXTS: Final[Mapping[str, Callable[[int], str]]] = {
    "string": lambda n: f'{{node(id:"{"x" * n}"){{id}}}}',
    "wide string": lambda n: f'{{node(id:"{"😀" * n}"){{id}}}}',
    "escapes": lambda n: (
        f'{{node(id:"{chr(92) + "u00e9"}{(chr(92) + "u00e9") * (n // 6)}"){{id}}}}'
    ),
    "block string": lambda n: (
        f'{{node(id:"""{chr(10) + " x"}{(chr(10) + " x") * (n // 3)}"""){{id}}}}'
    ),
    "number": lambda n: f"{{users(first:{'9' * n}){{nodes{{id}}}}}}",
    "comment": lambda n: "#" + "x" * n + "\n{me{id}}",
    "commas": lambda n: "," * n + "{me{id}}",
    "lines": lambda n: "\n" * n + "{me{id}}",
    "name": lambda n: "{me{" + "a" * n + "}}",
    "alias": lambda n: "{me{" + "a" * n + ":id}}",
    "fragment": lambda n: f"{{me{{...{'a' * (n // 2)}}}}}fragment {'a' * (n // 2)} on User{{id}}",
}


def largest(make: Callable[[int], str], tokens: Callable[[str], int]) -> str:
    """Return the document with as many pieces as the token limit allows."""
    low, high = 1, MAX_TOKENS
    while low < high:
        middle = (low + high + 1) // 2
        if tokens(make(middle)) <= MAX_TOKENS:
            low = middle
        else:
            high = middle - 1
    return make(low)


def longest(make: Callable[[int], str]) -> str:
    """Return the document with about as many characters as the limit allows."""
    return make(MAX_CHARACTERS - SPARE)
