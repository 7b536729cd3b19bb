"""The scenarios, with random keys that are the same in every run."""

import datetime as dt
import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from bench import plain
from bench.contestants import NewUserKey, PageKey, SessionKey, WriteKey
from bench.dataset import PAGE, Dataset

KEYS: Final = 64
# The deepest requested page, if the directory is large enough.
DEEPEST_PAGE: Final = 10_000
# Pages start at positions for which Roster's walk has cursors.
STRIDE: Final = 100
TEXTS_PER_WRITER: Final = 8
NEW_USERS: Final = 8
# Roster estimates counts above 10,000.
ESTIMATE_WITHIN: Final = 0.05
# The shortest search term.
LETTERS: Final = 4


@dataclass(frozen=True, slots=True)
class Cast:
    """The users and positions of a run, drawn once."""

    ids: Sequence[UUID]
    organizations: Sequence[UUID]
    readers: Sequence[UUID]
    writers: Sequence[UUID]
    logins: Sequence[str]
    words: Sequence[str]
    sessions: Sequence[SessionKey]

    @property
    def furthest(self) -> int:
        """The position where the deepest page starts."""
        last = min(DEEPEST_PAGE * PAGE, len(self.ids)) - PAGE
        return last // STRIDE * STRIDE

    def page_behind(self, place: int) -> PageKey:
        """Return the page after ``place`` users."""
        return PageKey(place, self.ids[place - 1] if place else None)


def _equal(first: Any, second: Any, names: tuple[str, str]) -> str:
    return plain.difference(first, second, names)


def _about_equal(first: int, second: int, names: tuple[str, str]) -> str:
    if abs(first - second) <= ESTIMATE_WITHIN * max(first, second):
        return ""
    return f"{names[0]} counts {first}, {names[1]} {second}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A request of clients, and the comparison of its answers."""

    name: str
    title: str
    # The name of the contestants' question.
    question: str
    keys: Callable[[Cast], Sequence[Any]]
    difference: Callable[[Any, Any, tuple[str, str]], str] = _equal
    # Every tenth request is a write.
    has_writes: bool = False

    @property
    def questions(self) -> Sequence[str]:
        """The names of all questions."""
        return (self.question, WRITE.question) if self.has_writes else (self.question,)


def _random_pages(cast: Cast) -> list[PageKey]:
    rng = random.Random(50)  # noqa: S311 - the same pages every time
    places = range(cast.furthest // 10 // STRIDE * STRIDE, cast.furthest + 1, STRIDE)
    return [cast.page_behind(place) for place in rng.sample(places, min(KEYS, len(places)))]


def _first_pages(cast: Cast) -> list[PageKey]:
    return [cast.page_behind(place) for place in _places(cast)[:KEYS]]


def _last_pages(cast: Cast) -> list[PageKey]:
    return [cast.page_behind(place) for place in _places(cast)[-KEYS:]]


def _places(cast: Cast) -> range:
    return range(0, cast.furthest + 1, STRIDE)


def _writes(cast: Cast) -> list[WriteKey]:
    """Return changes, in which successive texts of a user differ."""
    return [
        WriteKey(user_id, f"Written by the benchmark, text {text}.")
        for text in range(TEXTS_PER_WRITER)
        for user_id in cast.writers
    ]


def _last_days() -> tuple[str, str]:
    today = dt.datetime.now(dt.UTC).date()
    return str(today - dt.timedelta(days=29)), str(today)


def _new_users(_cast: Cast) -> list[NewUserKey]:
    return [NewUserKey(f"Created by the benchmark {number}") for number in range(NEW_USERS)]


WRITE: Final = Scenario("write", "a change of a user's profile", "write", _writes)
SCENARIOS: Final = (
    Scenario("typename", "the smallest operation", "typename", lambda _cast: [None]),
    Scenario(
        "session",
        "the id of the signed-in user: a credential's validation",
        "session",
        lambda cast: cast.sessions,
    ),
    Scenario("page50", "a page of 50 users, with profile and groups", "page", _random_pages),
    Scenario("point", "one user, with profile and groups", "point", lambda cast: cast.readers),
    Scenario(
        "org50",
        "an organisation with 50 members, each with user and profile",
        "organization",
        lambda cast: cast.organizations,
    ),
    Scenario(
        "page50-writes",
        "a page of 50; every tenth request changes a profile",
        "page",
        _random_pages,
        has_writes=True,
    ),
    Scenario(
        "org50-writes",
        "an organisation with 50 members; every tenth request changes a member's profile",
        "organization",
        lambda cast: cast.organizations,
        has_writes=True,
    ),
    Scenario("search", "the first 50 users found by a word", "search", lambda cast: cast.words),
    Scenario("first", "the first pages", "page", _first_pages),
    Scenario("deep", "the deepest pages, up to page 10,000", "page", _last_pages),
    Scenario("count", "the number of users", "count", lambda _cast: [None], _about_equal),
    Scenario("analytics", "the counts of 30 days", "analytics", lambda _cast: [_last_days()]),
    Scenario(
        "unchanged",
        "an organisation with 50 members that the client has (304)",
        "unchanged",
        lambda cast: cast.organizations,
    ),
    WRITE,
    Scenario("login", "log-ins by username and password", "log_in", lambda cast: cast.logins),
    Scenario("create-user", "new users with a password", "create_user", _new_users),
    Scenario("refresh", "exchanges of a refresh token", "refresh", lambda cast: cast.writers),
)


def select_scenarios(names: Sequence[str]) -> list[Scenario]:
    """Return the scenarios of these names, or all; `deep` includes `first`.

    Raises `KeyError` for an unknown name.
    """
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    wanted = {by_name[name].name for name in names} or set(by_name)
    if "deep" in wanted:
        wanted.add("first")
    return [scenario for scenario in SCENARIOS if scenario.name in wanted]


def draw_cast(
    dataset: Dataset,
    logins: Callable[[list[UUID]], list[str]],
    access_tokens: Callable[[list[UUID]], list[str]],
) -> Cast:
    """Draw the users of a run.

    ``logins`` sets passwords and returns usernames; ``access_tokens`` creates sessions.
    """
    rng = random.Random(2026)  # noqa: S311 - the same users every time
    ids = dataset.ids_in_order()
    active = [id_ for (id_,) in dataset.rows("SELECT id FROM accounts_user WHERE is_active")]
    active.sort()
    organizations = dataset.organizations(KEYS, rng)
    members = sorted({*active} & {*dataset.members(organizations)})
    return Cast(
        ids=ids,
        organizations=organizations,
        readers=rng.sample(ids, KEYS),
        writers=rng.sample(members, min(KEYS, len(members))),
        logins=logins(rng.sample(active, KEYS)),
        words=_words(dataset, rng.sample(ids, KEYS * 2)),
        sessions=_sessions(access_tokens, rng.sample(active, KEYS)),
    )


def _sessions(
    access_tokens: Callable[[list[UUID]], list[str]], user_ids: list[UUID]
) -> list[SessionKey]:
    tokens = access_tokens(user_ids)
    return [SessionKey(*each) for each in zip(user_ids, tokens, strict=True)]


def _words(dataset: Dataset, user_ids: Sequence[UUID]) -> list[str]:
    """Return search terms, half of which match many users, half few.

    Usernames have the form `given.family17`.
    """
    found = dataset.rows(
        "SELECT username FROM accounts_user WHERE id = ANY(%s) ORDER BY id", user_ids
    )
    ends = [username.partition(".")[2] for (username,) in found]
    words = [end for end in ends if end.isascii() and len(end.rstrip(string.digits)) >= LETTERS]
    common = [word.rstrip(string.digits) for word in words[: KEYS // 2]]
    return common + words[KEYS // 2 : KEYS]
