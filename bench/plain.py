"""Answers as plain data in one form, for comparison between contestants."""

import datetime as dt
import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

PlainAnswer = dict[str, Any]


def user(
    node: Mapping[str, Any], *, id_: str, profile: Mapping[str, Any], groups: Iterable[str]
) -> PlainAnswer:
    """Return a user with profile and groups; groups are unordered."""
    return {
        **_plain_member(node, id_=id_, profile=profile),
        "email": node["email"],
        "groups": sorted(groups),
    }


def membership(node: Mapping[str, Any], *, id_: str, profile: Mapping[str, Any]) -> PlainAnswer:
    """Return a membership: the role, its start, and the user with the profile."""
    moment = dt.datetime.fromisoformat(node["createdAt"]).astimezone(dt.UTC)
    return {
        "role": node["role"].lower(),
        "createdAt": moment.isoformat(),
        "user": _plain_member(node["user"], id_=id_, profile=profile),
    }


def nested_user(node: Mapping[str, Any], key: Callable[[str], str] = str) -> PlainAnswer:
    """Return a user with nested profile and groups; ``key`` converts its id."""
    return user(
        node,
        id_=key(node["id"]),
        profile=node["profile"],
        groups=(group["name"] for group in node["groups"]),
    )


def nested_membership(node: Mapping[str, Any], key: Callable[[str], str] = str) -> PlainAnswer:
    """Return a membership whose node has the user; ``key`` as in `nested_user`."""
    return membership(node, id_=key(node["user"]["id"]), profile=node["user"]["profile"])


def page(users: Iterable[PlainAnswer], *, more: bool) -> PlainAnswer:
    """Return a page of users, and whether there is a next one."""
    return {"users": list(users), "more": more}


def difference(first: Any, second: Any, names: tuple[str, str]) -> str:
    """Return the line-by-line difference of two plain answers; empty if equal."""
    if first == second:
        return ""
    before, after = (
        json.dumps(each, indent=2, ensure_ascii=False).splitlines() for each in (first, second)
    )
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm="", n=2))


def _plain_member(node: Mapping[str, Any], *, id_: str, profile: Mapping[str, Any]) -> PlainAnswer:
    return {
        "id": str(UUID(id_)),
        "username": node["username"],
        "name": node["name"],
        "profile": {"bio": profile["bio"], "website": profile["website"]},
    }
