"""Commits at the two sides of a pipeline, and a count of pipelines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from engine.internals import psycopg
from engine.sql import leading

Change = Callable[[], object]


@dataclass(slots=True)
class Pipelines:
    """How many pipelines were executed, and what to do around the next one."""

    executed: int = 0
    before: Change | None = None
    after: Change | None = None


@contextmanager
def watched_pipelines() -> Iterator[Pipelines]:
    """Watch the pipelines of a block; all of them are executed."""
    pipelines = Pipelines()
    run = psycopg.run_pipelined

    def watched(first: Any, second: Any) -> Any:
        before, pipelines.before = pipelines.before, None
        if before:
            before()
        results = run(first, second)
        pipelines.executed += 1
        after, pipelines.after = pipelines.after, None
        if after:
            after()
        return results

    with patch.object(leading, "run_pipelined", watched):
        yield pipelines
