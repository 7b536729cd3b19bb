"""What a scanner of GraphQL servers finds: the questions that graphql-cop 1.15 asks a stranger.

It is on no package registry, so the questions are asked here.
"""

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pytest
from django.test import Client

Ask: TypeAlias = Callable[[Client], Any]
Finds: TypeAlias = Callable[[Any], bool]

URL: Final = "/graphql"
TYPENAME: Final = "query scan { __typename }"
CIRCLE: Final = "fields { type { " * 4 + "name" + " } }" * 4


def post(query: str, *, times: int = 0) -> Ask:
    """Return a request for the query, or for a batch of it."""
    body = {"query": query}
    text = json.dumps([body] * times if times else body)
    return lambda client: client.post(URL, text, content_type="application/json")


def get(query: str) -> Ask:
    return lambda client: client.get(URL, {"query": query}, headers={"Accept": "*/*"})


def post_form(client: Client) -> Any:
    # As a page of any origin may, without asking the browser.
    return client.post(URL, "query={__typename}", content_type="application/x-www-form-urlencoded")


def answers(answer: Any) -> bool:
    return isinstance(answer, dict) and bool(answer.get("data"))


def answers_all(answer: Any) -> bool:
    return isinstance(answer, list) and len(answer) > 1


def names(*words: str) -> Finds:
    return lambda answer: any(word in json.dumps(answer) for word in words)


QUESTIONS: Final[dict[str, tuple[Ask, Finds]]] = {
    "suggestions": (post("query scan { __schema { directive } }"), names("Did you mean")),
    "introspection": (post("query scan { __schema { types { name } } }"), answers),
    "queries by GET": (get(TYPENAME), answers),
    "mutations by GET": (get("mutation scan { __typename }"), answers),
    "queries as forms": (post_form, answers),
    "101 aliases": (
        post(f"query scan {{ {' '.join(f'a{n}: __typename' for n in range(101))} }}"),
        answers,
    ),
    "a field 500 times": (post(f"query scan {{ {'__typename ' * 500} }}"), answers),
    "batches": (post(TYPENAME, times=10), answers_all),
    "an error per directive": (
        post(f"query scan {{ __typename {'@aa' * 10} }}"),
        lambda answer: len(answer.get("errors", ())) >= 10,
    ),
    "circular introspection": (
        post(f"query scan {{ __schema {{ types {{ {CIRCLE} }} }} }}"),
        answers,
    ),
    "traces": (post(TYPENAME), names("tracing")),
    "exceptions": (post("qwerty scan { abc }"), names("exception", "stacktrace")),
}
# Open on purpose: see docs/security.md.
OPEN: Final = {"suggestions", "introspection", "queries by GET"}


def findings() -> set[str]:
    client = Client()
    return {title for title, (ask, finds) in QUESTIONS.items() if finds(ask(client).json())}


@pytest.mark.django_db
def test_scanner_finds_what_is_open_on_purpose() -> None:
    assert findings() == OPEN


@pytest.mark.django_db
def test_scanner_finds_nothing_in_a_closed_service(settings: Any) -> None:
    settings.INTROSPECTION = "signed-in"
    settings.ANONYMOUS_DOCUMENTS = "trusted"
    assert findings() == set()
