"""Mercurius's process and questions; `server.mjs` is the server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench import plain
from bench.contestants import PageKey, Question, graphql
from bench.peers.on_node import OnNode
from bench.peers.written import ABSENT, shared_questions
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
    absent = ABSENT

    def environment(self) -> dict[str, str]:
        """Return the environment, with the cost of passwords and the key of access tokens."""
        return super().environment() | credentials_environment()

    def questions(self) -> dict[str, Question]:
        """Return all questions but those of sign-in."""
        pages = Question(lambda key: graphql(PAGE, {"after": _cursor(key)}), _page)
        return {
            **shared_questions(write=WRITE, create_user=CREATE_USER, argument="input"),
            "page": pages,
            "search": Question(lambda text: graphql(PAGE, {"search": text}), _page),
            "point": Question(
                lambda id_: graphql(POINT, {"id": id_}),
                lambda answer: plain.nested_user(answer["data"]["user"]),
            ),
            "organization": Question(lambda id_: graphql(ORGANIZATION, {"id": id_}), _members),
        }


def _cursor(key: PageKey) -> str | None:
    return None if key.after is None else str(key.after)


def _page(answer: Mapping[str, Any]) -> plain.PlainAnswer:
    users = answer["data"]["users"]
    return plain.page(map(plain.nested_user, users["nodes"]), more=users["pageInfo"]["hasNextPage"])


def _members(answer: Mapping[str, Any]) -> list[plain.PlainAnswer]:
    return [plain.nested_membership(node) for node in answer["data"]["organization"]["members"]]
