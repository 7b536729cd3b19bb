"""Answers that Roster and strawberry-django return in the same form."""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bench import plain

PERSON: Final = "id username name email profile { bio website } groups { name }"
MEMBERSHIP: Final = "role createdAt user { id username name profile { bio website } }"


def page(answer: Mapping[str, Any]) -> plain.PlainAnswer:
    """Return the page of a connection of users."""
    users = answer["data"]["users"]
    nodes = (plain.nested_user(edge["node"], global_key) for edge in users["edges"])
    return plain.page(nodes, more=users["pageInfo"]["hasNextPage"])


def point(answer: Mapping[str, Any]) -> plain.PlainAnswer:
    """Return the requested user."""
    return plain.nested_user(answer["data"]["user"], global_key)


def members(memberships: Iterable[Mapping[str, Any]]) -> list[plain.PlainAnswer]:
    """Return the members of an organisation."""
    return [plain.nested_membership(node, global_key) for node in memberships]


def global_key(global_id: str) -> str:
    """Return the primary key of a global id."""
    return b64decode(global_id).decode().partition(":")[2]
