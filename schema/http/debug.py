"""`extensions.debug`: plan, statements and loaders of an operation, in development."""

from typing import Any

from core.web.caching import Caching
from engine.trace import Trace


def debug(trace: Trace, caching: Caching) -> dict[str, Any]:
    """Format a trace, without the values of bind parameters, which may be personal data."""
    return {
        "executor": _executor(trace, caching),
        "cache": {"outcome": caching.outcome, "reason": caching.reason},
        "refusal": trace.refusal,
        "plan": trace.plan(),
        "statements": [
            {
                "reads": step.reads,
                "sql": step.sql,
                "parameters": len(step.params or ()),
                "compiled": step.is_compiled,
                "reason": step.reason,
                "rows": step.rows,
                "milliseconds": step.milliseconds,
            }
            for step in trace.steps
        ],
        "loaders": [
            {"loader": batch.loader, "keys": batch.keys, "milliseconds": batch.milliseconds}
            for batch in trace.batches
        ],
    }


def _executor(trace: Trace, caching: Caching) -> str | None:
    """Return what executed the operation; None if its answer was cached."""
    if caching.is_cached:
        return None
    return "graphql-core" if trace.explain is None else "engine"
