"""Execution by the engine or by graphql-core, verified by the service's counters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from prometheus_client import REGISTRY

from tests.support.client import Answer

ENGINE, GRAPHQL_CORE = EXECUTORS = ("engine", "graphql-core")
# For tests of behaviour before execution or in the services, which does not depend on the executor.
# tests/schema/test_authorization.py covers graphql-core.
BY_ENGINE: Final = pytest.mark.parametrize("executor", [ENGINE], indirect=True)
COUNTER: Final = "graphql_operations_total"
# This counter alone; collecting all metrics takes longer than most operations.
OPERATIONS: Final = REGISTRY.restricted_registry([COUNTER])
NO_EXECUTIONS: Final = dict.fromkeys(EXECUTORS, 0)


@dataclass(frozen=True, slots=True)
class Executor:
    """The executor of a test's operations, verified by the service's counters."""

    name: str

    @classmethod
    def chosen(cls, name: str, settings: Any) -> "Executor":
        """Configure the service to use this executor until the test ends."""
        settings.GRAPHQL_ENGINE = name == ENGINE
        return cls(name)

    def __call__(self, ask: Callable[[], Answer], *, is_anonymous: bool = False) -> Answer:
        """Run one operation; assert that this executor ran it, or none if it was refused.

        Operations that return nothing to anonymous clients are not planned for them.
        """
        before = counts()
        answer = ask()
        added = {name: count - before[name] for name, count in counts().items()}
        possible = {self.name, GRAPHQL_CORE} if is_anonymous else {self.name}
        expected = [NO_EXECUTIONS]
        if was_executed(answer):
            expected = [NO_EXECUTIONS | {name: 1} for name in possible]
        assert added in expected
        return answer


def counts() -> dict[str, int]:
    """Return the numbers of operations in this process by executor."""
    samples = [sample for metric in OPERATIONS.collect() for sample in metric.samples]
    return NO_EXECUTIONS | {
        sample.labels["executor"]: int(sample.value) for sample in samples if sample.name == COUNTER
    }


def was_executed(answer: Answer) -> bool:
    """Return whether an operation was executed, in contrast to a refused request."""
    return "data" in answer.body
