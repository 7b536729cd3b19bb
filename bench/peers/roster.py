"""Questions to Roster through its public API, signed in."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

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
from bench.dataset import Dataset
from bench.peers.on_strawberry import MEMBERSHIP, PERSON, global_key, members, page, point
from bench.progress import Progress
from bench.signed_in import PASSWORD, access_tokens, refresh_tokens, user_id

STAFF: Final = "grace"
# Staff who are not administrators may not create users.
ADMINISTRATOR: Final = "ada"
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
ANALYTICS: Final = """
    query ($from: Date!, $to: Date!) {
      analytics(from: $from, to: $to) { date logIns newUsers signUps }
    }
"""
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
SESSION: Final = "{ me { id } }"
CREATE_USER: Final = """
    mutation ($input: CreateUserInput!) {
      createUser(input: $input) { user { id username name } errors { code } }
    }
"""
REFRESH: Final = """
    mutation ($token: String!) {
      refreshTokens(input: {refreshToken: $token}) {
        accessToken refreshToken errors { code }
      }
    }
"""
REFRESH_TOKEN: Final = re.compile(rb'"refreshToken":"([^"]+)"')
WALK: Final = f"""
    query ($after: String) {{
      users(first: {HOP}, after: $after, orderBy: {{field: JOINED}}) {{ pageInfo {{ endCursor }} }}
    }}
"""


class Roster(OnGunicorn):
    """Roster as deployed: every request authenticates a session, and no answer is cached."""

    name = "roster"
    title = "Roster, signed in"
    absent: ClassVar[Mapping[str, str]] = {"unchanged": "answers are not cached"}
    packages = ("graphql-core", "strawberry-graphql", "strawberry-graphql-django")

    def __init__(self, dataset: Dataset, *, furthest: int, writers: list[UUID]) -> None:
        """Take the position of the furthest page, and the users whose profiles are changed."""
        super().__init__(dataset)
        self.furthest = furthest
        self.staff, self.administrator = access_tokens([user_id(STAFF), user_id(ADMINISTRATOR)])
        self.tokens = dict(zip(writers, access_tokens(writers), strict=True))
        self.refresh_tokens = dict(zip(writers, refresh_tokens(writers), strict=True))

    def environment(self) -> dict[str, str]:
        """Return the settings of production."""
        return super().environment() | {
            "DJANGO_SETTINGS_MODULE": "core.settings",
            "ANSWER_CACHE_MB": "0",
        }

    def questions(self) -> dict[str, Question]:
        """Return all questions."""
        cursors = self._cursors()
        return {
            "typename": Question(lambda _key: self._ask(TYPENAME), typename),
            "page": Question(lambda key: self._ask(PAGE, after=_cursor(cursors, key)), page),
            "search": Question(lambda text: self._ask(SEARCH, text=text), page),
            "point": Question(lambda id_: self._ask(POINT, id=global_id("User", id_)), point),
            "organization": Question(
                lambda id_: self._ask(ORGANIZATION, id=global_id("Organization", id_)),
                lambda answer: members(answer["data"]["organization"]["members"]["nodes"]),
            ),
            "session": Question(
                lambda key: graphql(SESSION, headers=key.headers),
                lambda answer: global_key(answer["data"]["me"]["id"]),
            ),
            "count": Question(
                lambda _key: self._ask(COUNT),
                lambda answer: answer["data"]["users"]["totalCount"]["value"],
            ),
            "analytics": Question(
                lambda days: self._ask(ANALYTICS, **{"from": days[0], "to": days[1]}),
                lambda answer: answer["data"]["analytics"],
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
            "create_user": Question(
                self._create_user,
                lambda answer: answer["data"]["createUser"]["user"]["name"],
                mark=lambda key: f'"name":"{key.name}"'.encode(),
                single_use=True,
            ),
            "refresh": Question(
                lambda id_: graphql(REFRESH, {"token": self.refresh_tokens[id_]}),
                lambda answer: bool(answer["data"]["refreshTokens"]["refreshToken"]),
                mark=lambda _key: b'"refreshToken":"',
                single_use=True,
                learn=self._learn_refresh_token,
            ),
        }

    def _ask(self, document: str, **variables: Any) -> bytes:
        return graphql(document, variables, self._headers(self.staff))

    def _headers(self, token: str) -> dict[str, str]:
        """Return the headers of a signed-in user."""
        return {"Authorization": f"Bearer {token}"}

    def _write(self, key: WriteKey) -> bytes:
        return graphql(WRITE, {"bio": key.bio}, self._headers(self.tokens[key.user_id]))

    def _create_user(self, key: NewUserKey) -> bytes:
        input_ = account() | {"name": key.name}
        return graphql(CREATE_USER, {"input": input_}, self._headers(self.administrator))

    def _learn_refresh_token(self, user_id: UUID, body: bytes) -> None:
        """Store the successor; reuse of a token would end the session."""
        found = REFRESH_TOKEN.search(body)
        if found:
            self.refresh_tokens[user_id] = found[1].decode()

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


def global_id(type_name: str, key: UUID) -> str:
    """Return the `id` of an object."""
    return b64encode(f"{type_name}:{key}".encode()).decode()
