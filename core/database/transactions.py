"""Transactions whose writes share a round trip with COMMIT."""

from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.transaction import Atomic

from engine.internals.django import thread_connection
from engine.sql.pending import PendingStatements, pending_statements
from engine.sql.pipelines import has_prepared_statements, is_unwatched


class _PipelinedAtomic(Atomic):
    """Django's atomic block, in which writes wait to be sent together."""

    def __enter__(self) -> None:
        """Begin, as Django does; let statements wait if that is possible."""
        connection = thread_connection()
        is_outermost = connection.autocommit and not connection.in_atomic_block
        super().__enter__()
        if (
            is_outermost
            and settings.DATABASE_PIPELINE
            and has_prepared_statements(connection)
            and is_unwatched(connection)
        ):
            PendingStatements(connection).enter()

    def __exit__(
        self,
        type_: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Send what waits with COMMIT; then end the block, as Django does.

        Its own COMMIT is then skipped by psycopg, because no transaction is open.
        """
        connection = thread_connection()
        pending = pending_statements(connection)
        hooks: list[Any] = []
        if pending is not None:
            try:
                if error is None and not connection.needs_rollback:
                    pending.commit()
                    if connection.connection.closed:
                        # Lost after COMMIT succeeded. Django would expect a rollback.
                        hooks = connection.run_on_commit
                        connection.close()
            except BaseException as failure:
                super().__exit__(type(failure), failure, failure.__traceback__)
                raise
            finally:
                pending.leave()
        super().__exit__(type_, error, traceback)
        if hooks:
            connection.run_on_commit = hooks
            connection.run_and_clear_commit_hooks()


def pipelined() -> Atomic:
    """Return a durable `atomic` block whose `insert`s and `update`s are sent together.

    They wait for the next statement, or for the end of the block, so their errors are raised there.
    Do not catch one around an `insert`: use `atomic` instead. Without prepared statements, or
    while statements are logged, nothing waits.
    """
    return _PipelinedAtomic(DEFAULT_DB_ALIAS, savepoint=True, durable=True)
