"""`extensions.debug`: plan, statements and loaders of an operation, in development."""

from typing import Any

from engine.trace import Trace


def debug(trace: Trace) -> dict[str, Any]:
    """Format a trace, without the values of bind parameters, which may be personal data."""
    return {
        "executor": "graphql-core" if trace.explain is None else "engine",
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
