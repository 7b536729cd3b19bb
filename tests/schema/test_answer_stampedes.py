"""One computation of an answer for all that need it at once."""

import json
from threading import Lock
from typing import Any, Final

import pytest

from engine.operation import CompiledOperation
from schema.http.answers import execution
from tests.support.cached_answers import warm
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_organization, make_token, node_id
from users.accounts.models import User
from users.organizations.models import Organization

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

READERS: Final = 8
ROUNDS: Final = 25
ORGANIZATION: Final = """query ($id: ID!) {
  organization(id: $id) { name members(first: 50) { nodes { role user { name } } } }
}"""


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the executions of operations."""
    execute, lock = CompiledOperation.execute, Lock()
    found: list[str] = []

    def counted(self: CompiledOperation, *arguments: Any, **keywords: Any) -> Any:
        with lock:
            found.append("execution")
        return execute(self, *arguments, **keywords)

    monkeypatch.setattr(CompiledOperation, "execute", counted)
    return found


def test_concurrent_readers_of_a_changed_organization_compute_once(
    alice: User, bob: User, executions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 readers in all, eight at a time."""
    monkeypatch.setattr(execution, "MAX_WAIT", 30)
    organization = make_organization("Club", alice, bob)
    client = GraphQLClient(make_token(alice))
    given = {"id": node_id(organization)}
    warm(client, ORGANIZATION, **given)

    def read() -> str:
        found: str = GraphQLClient(client.token)(ORGANIZATION, **given).data["organization"]["name"]
        return found

    for number in range(ROUNDS):
        Organization.objects.update(name=f"Club {number}")
        executions.clear()
        assert set(run_concurrently(*[read] * READERS)) == {f"Club {number}"}
        assert len(executions) == 1


def test_failed_computation_is_not_shared(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = GraphQLClient(make_token(alice))
    query = "{ me { name } }"
    warm(client, query)
    User.objects.filter(pk=alice.pk).update(name="New")
    execute = CompiledOperation.execute
    failures = iter([True])

    def fail_once(self: CompiledOperation, *arguments: Any, **keywords: Any) -> Any:
        if next(failures, False):
            raise RuntimeError
        return execute(self, *arguments, **keywords)

    monkeypatch.setattr(CompiledOperation, "execute", fail_once)

    def read() -> str:
        reader = GraphQLClient(client.token)
        reader.http.raise_request_exception = False
        try:
            found: str = reader(query).data["me"]["name"]
        except json.JSONDecodeError:
            found = "500"
        return found

    assert sorted(run_concurrently(*[read] * READERS)) == ["500", *["New"] * (READERS - 1)]
