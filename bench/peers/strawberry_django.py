"""Questions to tuned strawberry-django."""

from base64 import b64encode

from bench.contestants import TYPENAME, OnGunicorn, PageKey, Question, WriteKey, graphql, typename
from bench.peers.on_strawberry import MEMBERSHIP, PERSON, members, page, point

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


class StrawberryDjango(OnGunicorn):
    """See `bench/peers/strawberry_urls.py`."""

    name = "strawberry-django"
    title = "strawberry-django, tuned"
    packages = ("graphql-core", "strawberry-graphql", "strawberry-graphql-django")
    absent = {"log_in": "has no sign-in"}  # noqa: RUF012 - a ClassVar of the base

    def environment(self) -> dict[str, str]:
        """Return the environment with the peer's URLs."""
        return super().environment() | {
            "DJANGO_SETTINGS_MODULE": "bench.peers.settings",
            "BENCH_URLS": "bench.peers.strawberry_urls",
        }

    def questions(self) -> dict[str, Question]:
        """Return all questions but log-ins."""
        pages = Question(lambda key: graphql(PAGE, {"after": _cursor(key)}), page)
        return {
            "typename": Question(lambda _key: graphql(TYPENAME), typename),
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
        }


def _cursor(key: PageKey) -> str | None:
    if key.after is None:
        return None
    return b64encode(f'orderedcursor:["{key.after}"]'.encode()).decode()


def _write(key: WriteKey) -> bytes:
    return graphql(WRITE, {"id": key.user_id, "bio": key.bio})
