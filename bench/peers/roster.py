"""Questions to Roster through its public API, signed in."""

import json
from base64 import b64encode
from typing import Any, Final
from uuid import UUID

from bench.contestants import TYPENAME, OnGunicorn, PageKey, Question, WriteKey, graphql, typename
from bench.dataset import Dataset
from bench.peers.on_strawberry import MEMBERSHIP, PERSON, members, page, point
from bench.progress import Progress
from bench.signed_in import PASSWORD, access_tokens

STAFF: Final = "grace"
HOP: Final = 100

PAGE: Final = f"""
    query ($after: String) {{
      users(first: 50, after: $after, orderBy: {{field: JOINED}}) {{
        edges {{ node {{ {PERSON} }} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
"""
SEARCH: Final = f"""
    query ($text: String!) {{
      users(first: 50, search: $text, orderBy: {{field: JOINED}}) {{
        edges {{ node {{ {PERSON} }} }}
        pageInfo {{ hasNextPage endCursor }}
      }}
    }}
"""
POINT: Final = f"query ($id: ID!) {{ user(id: $id) {{ {PERSON} }} }}"
ORGANIZATION: Final = f"""
    query ($id: ID!) {{
      organization(id: $id) {{ members(first: 50) {{ nodes {{ {MEMBERSHIP} }} }} }}
    }}
"""
COUNT: Final = "{ users(first: 1) { totalCount { value isExact } } }"
WRITE: Final = """
    mutation ($bio: String!) {
      updateProfile(input: {bio: $bio}) { user { profile { bio } } errors { code } }
    }
"""
LOG_IN: Final = """
    mutation ($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password}) { accessToken errors { code } }
    }
"""
WALK: Final = f"""
    query ($after: String) {{
      users(first: {HOP}, after: $after, orderBy: {{field: JOINED}}) {{ pageInfo {{ endCursor }} }}
    }}
"""


class Roster(OnGunicorn):
    """Roster as deployed: every request authenticates a session, and no answer is cached."""

    name = "roster"
    title = "Roster, signed in"
    packages = ("graphql-core", "strawberry-graphql", "strawberry-graphql-django")

    def __init__(self, dataset: Dataset, *, furthest: int, writers: list[UUID]) -> None:
        """Take the position of the furthest page, and the users whose profiles are changed."""
        super().__init__(dataset)
        self.furthest = furthest
        self.staff, *tokens = access_tokens(STAFF, writers)
        self.tokens = dict(zip(writers, tokens, strict=True))

    def environment(self) -> dict[str, str]:
        """Return the settings of production."""
        return super().environment() | {"DJANGO_SETTINGS_MODULE": "core.settings"}

    def questions(self) -> dict[str, Question]:
        """Return all questions."""
        cursors = self._cursors()
        return {
            "typename": Question(lambda _key: self._ask(TYPENAME), typename),
            "page": Question(lambda key: self._ask(PAGE, after=_cursor(cursors, key)), page),
            "search": Question(lambda text: self._ask(SEARCH, text=text), page),
            "point": Question(lambda id_: self._ask(POINT, id=_global_id("User", id_)), point),
            "organization": Question(
                lambda id_: self._ask(ORGANIZATION, id=_global_id("Organization", id_)),
                lambda answer: members(answer["data"]["organization"]["members"]["nodes"]),
            ),
            "count": Question(
                lambda _key: self._ask(COUNT),
                lambda answer: answer["data"]["users"]["totalCount"]["value"],
            ),
            "write": Question(
                self._write,
                lambda answer: answer["data"]["updateProfile"]["user"]["profile"]["bio"],
                mark=lambda key: f'"bio":"{key.bio}"'.encode(),
            ),
            "log_in": Question(
                lambda username: graphql(LOG_IN, {"login": username, "password": PASSWORD}),
                lambda answer: bool(answer["data"]["logIn"]["accessToken"]),
                mark=lambda _key: b'"accessToken":"',
            ),
        }

    def _ask(self, document: str, **variables: Any) -> bytes:
        return graphql(document, variables, {"Authorization": f"Bearer {self.staff}"})

    def _write(self, key: WriteKey) -> bytes:
        headers = {"Authorization": f"Bearer {self.tokens[key.user_id]}"}
        return graphql(WRITE, {"bio": key.bio}, headers)

    def _cursors(self) -> list[str]:
        """Return the cursor after every hundredth user, from one walk over all pages.

        Cursors are sealed, so a deep page can be reached only through the pages before it. The
        cursors are saved and reused while the server accepts them.
        """
        path = self.dataset.directory / "cursors.json"
        hops = self.furthest // HOP
        if path.exists():
            cursors: list[str] = json.loads(path.read_text(encoding="utf-8"))
            if len(cursors) >= hops and not self._refuses(cursors[-1]):
                return cursors
        cursors = []
        with Progress("walking to the deepest page", hops) as progress:
            for _hop in range(hops):
                answer = self.answer(self._ask(WALK, after=cursors[-1] if cursors else None))
                cursors.append(answer["data"]["users"]["pageInfo"]["endCursor"])
                progress.step()
        path.write_text(json.dumps(cursors), encoding="utf-8")
        return cursors

    def _refuses(self, cursor: str) -> bool:
        return "errors" in self.answer(self._ask(WALK, after=cursor))


def _cursor(cursors: list[str], key: PageKey) -> str | None:
    return cursors[key.place // HOP - 1] if key.place else None


def _global_id(type_name: str, key: UUID) -> str:
    return b64encode(f"{type_name}:{key}".encode()).decode()
