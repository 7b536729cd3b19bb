"""Questions to tuned strawberry-django."""

from base64 import b64encode

from bench.contestants import OnDjango, PageKey, Question, graphql
from bench.peers.on_strawberry import MEMBERSHIP, PERSON, global_key, members, page, point
from bench.peers.written import ABSENT, shared_questions

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
WRITE = """
    mutation ($id: ID!, $bio: String!) { updateProfile(data: {pk: $id, bio: $bio}) { bio } }
"""
CREATE_USER = """
    mutation ($data: NewUser!) { createUser(data: $data) { id username name } }
"""


class StrawberryDjango(OnDjango):
    """See `bench/peers/strawberry_urls.py`."""

    name = "strawberry-django"
    title = "strawberry-django, tuned"
    packages = ("graphql-core", "strawberry-graphql", "strawberry-graphql-django")
    absent = ABSENT
    urls = "bench.peers.strawberry_urls"

    def questions(self) -> dict[str, Question]:
        """Return all questions but those of sign-in."""
        pages = Question(lambda key: graphql(PAGE, {"after": _cursor(key)}), page)
        return {
            **shared_questions(
                write=WRITE, create_user=CREATE_USER, argument="data", primary_key=global_key
            ),
            "page": pages,
            "search": Question(lambda text: graphql(PAGE, {"search": text}), page),
            "point": Question(lambda id_: graphql(POINT, {"id": id_}), point),
            "organization": Question(
                lambda id_: graphql(ORGANIZATION, {"id": id_}),
                lambda answer: members(answer["data"]["organization"]["members"]),
            ),
        }


def _cursor(key: PageKey) -> str | None:
    if key.after is None:
        return None
    return b64encode(f'orderedcursor:["{key.after}"]'.encode()).decode()
