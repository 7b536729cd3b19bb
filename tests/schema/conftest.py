"""Fixtures of the schema's tests."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from engine.internals.strawberry import is_one_of
from schema.http.answers.cached import ANSWERS
from schema.http.answers.repeated import REQUESTS
from schema.http.persisted import AUTOMATIC, STORED
from schema.trusted.lookup import KNOWN
from tests.support.documents import SCHEMA
from tests.support.repeats import Parsed, counting_parsed, make_credentials
from users.accounts.models import User


@pytest.fixture(autouse=True)
def own_resolver_of_is_one_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the resolver that Strawberry replaces for every schema that a test makes."""
    is_one_of_field = cast("Any", SCHEMA.type_map["__Type"]).fields["isOneOf"]
    monkeypatch.setattr(is_one_of_field, "resolve", is_one_of)


@pytest.fixture
def no_cached_answers(settings: Any) -> Iterator[None]:
    """Start and end the test without cached answers, and cache in this process's memory only.

    Otherwise what is shared would depend on how fast the machine is.
    """
    settings.SHARED_CACHE_SECONDS = 0
    ANSWERS.clear()
    REQUESTS.clear()
    yield
    ANSWERS.clear()
    REQUESTS.clear()


@pytest.fixture
def no_persisted_documents() -> Iterator[None]:
    """Start and end the test without persisted documents in this process's memory."""
    for each in (AUTOMATIC, KNOWN, STORED):
        each.clear()
    yield
    for each in (AUTOMATIC, KNOWN, STORED):
        each.clear()


@pytest.fixture
def parsed() -> Iterator[Parsed]:
    with counting_parsed() as counter:
        yield counter


@pytest.fixture
def credentials(alice: User, root: User, settings: Any) -> dict[str, dict[str, str]]:
    """Return a credential of each kind, as headers."""
    return make_credentials(alice, root, settings.SESSION_COOKIE)
