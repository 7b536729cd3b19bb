"""Commits at the two sides of a pipeline, and a count of pipelines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from unittest.mock import patch

from engine.internals import psycopg
from engine.sql import leading

Change = Callable[[], object]


@dataclass(slots=True)
class Pipelines:
    """The pipelines that were executed, and what to do around the next one."""

    before: Change | None = None
    after: Change | None = None
    # How many statements and commands each contained.
    sizes: list[int] = field(default_factory=list)

    @property
    def executed(self) -> int:
        """How many were executed."""
        return len(self.sizes)


@contextmanager
def watched_pipelines(sender: ModuleType = leading) -> Iterator[Pipelines]:
    """Watch the pipelines that a module of the engine sends; all of them are executed."""
    pipelines = Pipelines()
    run = psycopg.run_pipelined

    def watched(connection: Any, statements: Any) -> Any:
        before, pipelines.before = pipelines.before, None
        if before:
            before()
        results = run(connection, statements)
        pipelines.sizes.append(len(statements))
        after, pipelines.after = pipelines.after, None
        if after:
            after()
        return results

    with patch.object(sender, "run_pipelined", watched):
        yield pipelines
