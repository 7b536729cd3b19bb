"""PostGraphile's process and questions; `server.mjs` is the server."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import plain
from bench.contestants import TYPENAME, PageKey, Question, WriteKey, graphql, typename
from bench.peers.on_node import OnNode

PERSON = """
    rowId username name email
    accountsProfileByUserId { bio website }
    accountsUserGroupsByUserId { nodes { group { name } } }
"""
PAGE = f"""
    query ($after: Cursor) {{
      accountsUsers(first: 50, after: $after, orderBy: PRIMARY_KEY_ASC) {{
        nodes {{ {PERSON} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
"""
SEARCH = f"""
    query ($text: String!) {{
      accountsUsers(
        first: 50
        orderBy: PRIMARY_KEY_ASC
        filter: {{
          or: [
            {{ username: {{ includesInsensitive: $text }} }}
            {{ name: {{ includesInsensitive: $text }} }}
            {{ email: {{ includesInsensitive: $text }} }}
          ]
        }}
      ) {{
        nodes {{ {PERSON} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
"""
POINT = f"query ($id: UUID!) {{ accountsUser(rowId: $id) {{ {PERSON} }} }}"
ORGANIZATION = """
    query ($id: UUID!) {
      organizationsOrganization(rowId: $id) {
        organizationsMembershipsByOrganizationId(
          first: 50
          orderBy: [CREATED_AT_ASC, ROW_ID_ASC]
        ) {
          nodes {
            role createdAt
            user { rowId username name accountsProfileByUserId { bio website } }
          }
        }
      }
    }
"""
COUNT = "{ accountsUsers { totalCount } }"
WRITE = """
    mutation ($id: UUID!, $bio: String!) {
      updateAccountsProfile(input: {userId: $id, patch: {bio: $bio}}) { accountsProfile { bio } }
    }
"""


class PostGraphile(OnNode):
    """PostGraphile 5 on Node, on the same tables."""

    name = "postgraphile"
    title = "PostGraphile 5"
    absent = {  # noqa: RUF012 - a ClassVar of the base
        "session": "its JWT preset accepts shared secrets only, and looks up no session",
        "log_in": "has no sign-in without hand-written functions",
        "create_user": "hashes no passwords without hand-written functions",
        "refresh": "has no refresh tokens",
        "analytics": "has no analytics",
        "unchanged": "has no entity tags",
    }

    directory = Path(__file__).parent
    packages = ("postgraphile", "pg")

    def environment(self) -> dict[str, str]:
        """Return the environment of production mode, by PostGraphile's documentation."""
        return super().environment() | {"GRAPHILE_ENV": "production"}

    def questions(self) -> dict[str, Question]:
        """Return all questions but those of sessions and passwords."""
        order = self._order()
        pages = Question(lambda key: graphql(PAGE, {"after": _cursor(order, key)}), _page)
        return {
            "typename": Question(lambda _key: graphql(TYPENAME), typename),
            "page": pages,
            "search": Question(lambda text: graphql(SEARCH, {"text": text}), _page),
            "point": Question(
                lambda id_: graphql(POINT, {"id": id_}),
                lambda answer: _plain_user(answer["data"]["accountsUser"]),
            ),
            "organization": Question(lambda id_: graphql(ORGANIZATION, {"id": id_}), _members),
            "count": Question(
                lambda _key: graphql(COUNT),
                lambda answer: answer["data"]["accountsUsers"]["totalCount"],
            ),
            "write": Question(
                _write,
                lambda answer: answer["data"]["updateAccountsProfile"]["accountsProfile"]["bio"],
                mark=lambda key: f'"bio":"{key.bio}"'.encode(),
            ),
        }

    def _order(self) -> str:
        """Return the name of the primary key's ordering in its cursors."""
        first = self.answer(graphql(PAGE))["data"]["accountsUsers"]["pageInfo"]["endCursor"]
        order: str = json.loads(b64decode(first))[0]
        return order


def _cursor(order: str, key: PageKey) -> str | None:
    if key.after is None:
        return None
    return b64encode(json.dumps([order, str(key.after)], separators=(",", ":")).encode()).decode()


def _write(key: WriteKey) -> bytes:
    return graphql(WRITE, {"id": key.user_id, "bio": key.bio})


def _page(answer: Mapping[str, Any]) -> plain.PlainAnswer:
    users = answer["data"]["accountsUsers"]
    return plain.page(map(_plain_user, users["nodes"]), more=users["pageInfo"]["hasNextPage"])


def _plain_user(node: Mapping[str, Any]) -> plain.PlainAnswer:
    return plain.user(
        node,
        id_=node["rowId"],
        profile=node["accountsProfileByUserId"],
        groups=(each["group"]["name"] for each in node["accountsUserGroupsByUserId"]["nodes"]),
    )


def _members(answer: Mapping[str, Any]) -> list[plain.PlainAnswer]:
    organization = answer["data"]["organizationsOrganization"]
    return [
        plain.membership(
            node,
            id_=node["user"]["rowId"],
            profile=node["user"]["accountsProfileByUserId"],
        )
        for node in organization["organizationsMembershipsByOrganizationId"]["nodes"]
    ]
