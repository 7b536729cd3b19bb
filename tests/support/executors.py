"""Requests executed by the engine or by graphql-core alone, and what tells which it was."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from prometheus_client import REGISTRY

from tests.support.client import Answer

ENGINE, GRAPHQL_CORE = EXECUTORS = ("engine", "graphql-core")
# For tests of what is decided before an operation is executed, or below its execution in the
# services, whatever executes it. That is asked of graphql-core in
# tests/schema/test_authorization.py.
BY_ENGINE: Final = pytest.mark.parametrize("executor", [ENGINE], indirect=True)
NOBODY: Final = dict.fromkeys(EXECUTORS, 0)


@dataclass(frozen=True, slots=True)
class Executor:
    """What executes all operations of a test, as the service's counters are to confirm."""

    name: str

    @classmethod
    def chosen(cls, name: str, settings: Any) -> "Executor":
        """Have the service execute everything in this way until the test ends."""
        settings.GRAPHQL_ENGINE = name == ENGINE
        return cls(name)

    def __call__(self, ask: Callable[[], Answer], *, is_anonymous: bool = False) -> Answer:
        """Ask for one operation: this executor has to be the one, or nobody if it was refused.

        Nothing is planned for anonymous clients of which they get nothing.
        """
        before = counts()
        answer = ask()
        added = {name: count - before[name] for name, count in counts().items()}
        possible = {self.name, GRAPHQL_CORE} if is_anonymous else {self.name}
        expected = [NOBODY | {name: 1} for name in possible] if was_executed(answer) else [NOBODY]
        assert added in expected
        return answer


def counts() -> dict[str, int]:
    """Return how many operations this process has executed in which way."""
    found = {
        name: REGISTRY.get_sample_value("graphql_operations_total", {"executor": name})
        for name in EXECUTORS
    }
    return {name: int(count or 0) for name, count in found.items()}


def was_executed(answer: Answer) -> bool:
    """Return whether the answer is that of an operation, and not of a request that was refused."""
    return "data" in answer.body
