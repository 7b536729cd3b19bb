"""Questions to tuned strawberry-django."""

from base64 import b64encode

from bench.contestants import (
    TYPENAME,
    NewUserKey,
    OnGunicorn,
    PageKey,
    Question,
    WriteKey,
    account,
    graphql,
    typename,
)
from bench.peers.on_strawberry import MEMBERSHIP, PERSON, global_key, members, page, point
from bench.signed_in import credentials_environment

PAGE = f"""
    query ($after: String, $search: String) {{
      users(first: 50, after: $after, search: $search) {{
        edges {{ node {{ {PERSON} }} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
"""
POINT = f"query ($id: UUID!) {{ user(id: $id) {{ {PERSON} }} }}"
ORGANIZATION = f"""
    query ($id: UUID!) {{ organization(id: $id) {{ members(first: 50) {{ {MEMBERSHIP} }} }} }}
"""
COUNT = "{ users(first: 1) { totalCount } }"
WRITE = """
    mutation ($id: ID!, $bio: String!) { updateProfile(data: {pk: $id, bio: $bio}) { bio } }
"""

SESSION = "{ me { id } }"
CREATE_USER = """
    mutation ($data: NewUser!) { createUser(data: $data) { id username name } }
"""


class StrawberryDjango(OnGunicorn):
    """See `bench/peers/strawberry_urls.py`."""

    name = "strawberry-django"
    title = "strawberry-django, tuned"
    packages = ("graphql-core", "strawberry-graphql", "strawberry-graphql-django")
    absent = {  # noqa: RUF012 - a ClassVar of the base
        "log_in": "has no sign-in",
        "refresh": "has no refresh tokens",
    }

    def environment(self) -> dict[str, str]:
        """Return the environment with the peer's URLs."""
        return (
            super().environment()
            | credentials_environment()
            | {
                "DJANGO_SETTINGS_MODULE": "bench.peers.settings",
                "BENCH_URLS": "bench.peers.strawberry_urls",
            }
        )

    def questions(self) -> dict[str, Question]:
        """Return all questions but those of sign-in."""
        pages = Question(lambda key: graphql(PAGE, {"after": _cursor(key)}), page)
        return {
            "typename": Question(lambda _key: graphql(TYPENAME), typename),
            "session": Question(
                lambda key: graphql(SESSION, headers=key.headers),
                lambda answer: global_key(answer["data"]["me"]["id"]),
            ),
            "page": pages,
            "search": Question(lambda text: graphql(PAGE, {"search": text}), page),
            "point": Question(lambda id_: graphql(POINT, {"id": id_}), point),
            "organization": Question(
                lambda id_: graphql(ORGANIZATION, {"id": id_}),
                lambda answer: members(answer["data"]["organization"]["members"]),
            ),
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
    if key.after is None:
        return None
    return b64encode(f'orderedcursor:["{key.after}"]'.encode()).decode()


def _create_user(key: NewUserKey) -> bytes:
    return graphql(CREATE_USER, {"data": account() | {"name": key.name}})


def _write(key: WriteKey) -> bytes:
    return graphql(WRITE, {"id": key.user_id, "bio": key.bio})
