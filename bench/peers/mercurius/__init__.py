"""Mercurius's process and questions; `server.mjs` is the server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench import plain
from bench.contestants import (
    TYPENAME,
    NewUserKey,
    PageKey,
    Question,
    WriteKey,
    account,
    graphql,
    typename,
)
from bench.peers.on_node import OnNode
from bench.signed_in import credentials_environment

MEMBER: Final = "id username name profile { bio website }"
PERSON: Final = f"{MEMBER} email groups {{ name }}"
PAGE: Final = f"""
    query ($after: ID, $search: String) {{
      users(first: 50, after: $after, search: $search) {{
        nodes {{ {PERSON} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
"""
POINT: Final = f"query ($id: ID!) {{ user(id: $id) {{ {PERSON} }} }}"
ORGANIZATION: Final = f"""
    query ($id: ID!) {{
      organization(id: $id) {{ members(first: 50) {{ role createdAt user {{ {MEMBER} }} }} }}
    }}
"""
COUNT: Final = "{ users(first: 1) { totalCount } }"
SESSION: Final = "{ me { id } }"
WRITE: Final = """
    mutation ($id: ID!, $bio: String!) { updateProfile(userId: $id, bio: $bio) { bio } }
"""
CREATE_USER: Final = """
    mutation ($input: NewUser!) { createUser(input: $input) { id username name } }
"""


class Mercurius(OnNode):
    """Mercurius with JIT, on the same tables."""

    name = "mercurius"
    title = "Mercurius, JIT"
    directory = Path(__file__).parent
    packages = ("mercurius", "graphql-jit", "fastify", "pg")
    absent = {  # noqa: RUF012 - a ClassVar of the base
        "log_in": "has no sign-in",
        "refresh": "has no refresh tokens",
    }

    def environment(self) -> dict[str, str]:
        """Return the environment, with the cost of passwords and the key of access tokens."""
        return super().environment() | credentials_environment()

    def questions(self) -> dict[str, Question]:
        """Return all questions but those of sign-in."""
        pages = Question(lambda key: graphql(PAGE, {"after": _cursor(key)}), _page)
        return {
            "typename": Question(lambda _key: graphql(TYPENAME), typename),
            "session": Question(
                lambda key: graphql(SESSION, headers=key.headers),
                lambda answer: answer["data"]["me"]["id"],
            ),
            "page": pages,
            "search": Question(lambda text: graphql(PAGE, {"search": text}), _page),
            "point": Question(
                lambda id_: graphql(POINT, {"id": id_}),
                lambda answer: _plain_user(answer["data"]["user"]),
            ),
            "organization": Question(lambda id_: graphql(ORGANIZATION, {"id": id_}), _members),
            "count": Question(
                lambda _key: graphql(COUNT), lambda answer: answer["data"]["users"]["totalCount"]
            ),
            "write": Question(
                _write,
                lambda answer: answer["data"]["updateProfile"]["bio"],
                mark=lambda key: f'"bio":"{key.bio}"'.encode(),
            ),
            "create_user": Question(
                _create_user,
                lambda answer: answer["data"]["createUser"]["name"],
                mark=lambda key: f'"name":"{key.name}"'.encode(),
                single_use=True,
            ),
        }


def _cursor(key: PageKey) -> str | None:
    return None if key.after is None else str(key.after)


def _write(key: WriteKey) -> bytes:
    return graphql(WRITE, {"id": key.user_id, "bio": key.bio})


def _create_user(key: NewUserKey) -> bytes:
    return graphql(CREATE_USER, {"input": account() | {"name": key.name}})


def _page(answer: Mapping[str, Any]) -> plain.PlainAnswer:
    users = answer["data"]["users"]
    return plain.page(map(_plain_user, users["nodes"]), more=users["pageInfo"]["hasNextPage"])


def _plain_user(node: Mapping[str, Any]) -> plain.PlainAnswer:
    return plain.user(
        node,
        id_=node["id"],
        profile=node["profile"],
        groups=(group["name"] for group in node["groups"]),
    )


def _members(answer: Mapping[str, Any]) -> list[plain.PlainAnswer]:
    return [
        plain.membership(node, id_=node["user"]["id"], profile=node["user"]["profile"])
        for node in answer["data"]["organization"]["members"]
    ]
