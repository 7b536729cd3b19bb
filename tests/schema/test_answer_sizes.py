"""Responses that are too large: rejected early, and executed mutations are reported."""

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection
from hypothesis import given
from hypothesis import strategies as st
from psycopg.errors import QueryCanceled

from engine import operation as engine_executor
from engine.deadline import Deadline, DeadlineExceededError
from engine.result.bounds import LARGE, Bounds, ResponseTooLargeError
from schema.http import view
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_crowd, make_organization
from users.accounts.models import Metadata, Profile, User

ClientOf = Callable[[User], GraphQLClient]

BIO = "é" * 500
BIOS = "profile { " + " ".join(f"a{number}: bio" for number in range(30)) + " }"
FEW = BIOS.replace("a28: bio a29: bio", "")
# Few enough for the document to stay within the limit of values.
SOME = "profile { " + " ".join(f"a{number}: bio" for number in range(12)) + " }"
PEOPLE = 40

# One organisation of 40 users with a kilobyte of text each: 40 lists of 40.
MEMBERS = f"members(first: 45) {{ nodes {{ user {{ {SOME} }} }} }}"
NESTED = f"""query ($first: Int!) {{ users(first: $first) {{ nodes {{
  memberships(first: 1) {{ nodes {{ organization {{ {MEMBERS} }} }} }} }} }} }}"""
FLAT = f"query ($first: Int!) {{ users(first: $first) {{ nodes {{ {BIOS} }} }} }}"
CHANGE = f"""mutation {{
  a: updateProfile(input: {{nickname: "A"}}) {{ user {{ id {FEW} }} errors {{ code }} }}
  b: updateProfile(input: {{givenName: "B"}}) {{
    user {{ profile {{ givenName }} }} errors {{ code }} }}
}}"""

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
)


@pytest.fixture
def people(sam: User) -> list[User]:
    """Create users of one organisation with long biographies."""
    organization = make_organization("Archers", sam)
    found = make_crowd(PEOPLE, organization=organization, group=Group.objects.create(name="G"))
    Profile.objects.update(bio=BIO)
    return found


def peak_of(ask: Callable[[], Any]) -> tuple[Any, int]:
    """Return a response, and the peak of allocated bytes."""
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        answer = ask()
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return answer, peak - before


def test_oversized_answer_is_refused_before_it_is_built(
    client_of: ClientOf, sam: User, people: list[User], executor: Executor, settings: Any
) -> None:
    settings.GRAPHQL_MAX_RESPONSE_BYTES = 2_000_000
    client = client_of(sam)
    assert executor(lambda: client(NESTED, first=1)).codes == []

    answer, peak = peak_of(lambda: executor(lambda: client(NESTED, first=PEOPLE)))

    assert (answer.status, answer.codes) == (200, ["RESPONSE_TOO_LARGE"])
    assert answer.body["data"] is None
    assert "2,000,000 bytes" in answer.body["errors"][0]["message"]
    # The whole response would have 20 MB.
    if executor.name == "engine":
        assert peak < settings.GRAPHQL_MAX_RESPONSE_BYTES
    assert len(json.dumps(answer.body)) < 300


def test_bound_is_exact(
    client_of: ClientOf, sam: User, people: list[User], executor: Executor, settings: Any
) -> None:
    client = client_of(sam)
    size = len(orjson.dumps(client(FLAT, first=5).body))
    settings.GRAPHQL_MAX_RESPONSE_BYTES = size
    assert executor(lambda: client(FLAT, first=5)).codes == []
    settings.GRAPHQL_MAX_RESPONSE_BYTES = size - 1
    answer = executor(lambda: client(FLAT, first=5))
    assert (answer.codes, answer.body["data"]) == (["RESPONSE_TOO_LARGE"], None)


def test_oversized_mutation_answer_says_what_was_committed(
    client_of: ClientOf, sam: User, people: list[User], executor: Executor, settings: Any
) -> None:
    settings.GRAPHQL_MAX_RESPONSE_BYTES = 10_000
    answer = executor(lambda: client_of(sam)(CHANGE))
    assert (answer.status, answer.codes) == (200, ["RESPONSE_TOO_LARGE"])
    (error,) = answer.body["errors"]
    assert error["message"].startswith("The mutation was executed, but")
    profile = Profile.objects.get(user=sam)
    if executor.name == "engine":
        assert error["path"] == ["a", "user"]
        first, second = answer.body["data"].values()
        assert first == {"user": None, "errors": []}
        assert second == {"user": {"profile": {"givenName": "B"}}, "errors": []}
        assert (profile.nickname, profile.given_name) == ("A", "B")
    else:
        assert answer.body["data"] is None
        assert error["extensions"]["executed"] == ["a"]
        assert (profile.nickname, profile.given_name) == ("A", "")


def test_errors_are_part_of_the_answer(
    client_of: ClientOf,
    sam: User,
    people: list[User],
    executor: Executor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (engine_executor, view):
        monkeypatch.setattr(module, "MAX_ERRORS", 4 * PEOPLE)
    client = client_of(sam)

    def cancelled(execute: Any, sql: str, *more: Any) -> Any:
        if "COUNT(" in sql and "authentication_session" in sql:
            raise OperationalError from QueryCanceled()
        return execute(sql, *more)

    def document(aliases: int) -> str:
        counts = " ".join(f"a{number}: activeSessionCount" for number in range(aliases))
        return f"{{ users(first: {PEOPLE}) {{ nodes {{ {counts} }} }} }}"

    few, many = 3, 4
    with connection.execute_wrapper(cancelled):
        assert executor(lambda: client(document(few))).codes == ["QUERY_TIMEOUT"] * few * PEOPLE
        answer = executor(lambda: client(document(many)))
    assert (answer.codes, answer.body["data"]) == (["RESPONSE_TOO_LARGE"], None)


def test_metadata_count_by_their_size(
    client_of: ClientOf, sam: User, people: list[User], executor: Executor, settings: Any
) -> None:
    words = {"words": ["word"] * 500}
    Metadata.objects.bulk_create(Metadata(user=person, public=words) for person in people)
    settings.GRAPHQL_MAX_RESPONSE_BYTES = 50_000
    document = "query ($first: Int!) { users(first: $first) { nodes { publicMetadata } } }"
    client = client_of(sam)
    assert executor(lambda: client(document, first=3)).codes == []
    assert executor(lambda: client(document, first=40)).codes == ["RESPONSE_TOO_LARGE"]


@given(JSON_VALUES)
def test_counted_bytes_equal_sent_bytes(value: Any) -> None:
    bounds = Bounds()
    bounds.count([value])
    assert bounds.estimate == len(orjson.dumps(value))


def test_large_answers_are_made_one_by_one() -> None:
    text = ["x" * (LARGE + 1)]
    other = Bounds(deadline=Deadline(0.01, 0))
    with Bounds() as first:
        first.add_texts(text)
        with other, pytest.raises(DeadlineExceededError):
            other.add_texts(text)
    with Bounds(deadline=Deadline(60, 0)) as next_:
        next_.add_texts(text)


def test_repeated_objects_count_each_time() -> None:
    shared = {"text": "x" * 1_000}
    with Bounds(max_bytes=100_000) as few, Bounds(max_bytes=100_000) as many:
        few.count([[shared] * 50])
        with pytest.raises(ResponseTooLargeError):
            many.count([[shared] * 100])
