"""Private names of psycopg: prepared statements, and the results that cursors hold."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from psycopg.adapt import PyFormat
from psycopg.errors import FeatureNotSupported, OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus

from engine.internals.versions import require_version

VERSION: Final = "3.3"

require_version("psycopg", VERSION, __name__)


class PreparedStatement(NamedTuple):
    """A statement that psycopg prepared: its parameters' formats, and its key in the connection."""

    formats: Sequence[PyFormat]
    key: tuple[bytes, tuple[int, ...]]


def is_stale_plan(error: BaseException | None) -> bool:
    """Return whether PostgreSQL refused a prepared statement whose columns have changed.

    Its SQLSTATE is shared with unsupported features, and its message is translated.
    """
    return (
        isinstance(error, FeatureNotSupported)
        and error.diag.source_function == "RevalidateCachedQuery"
    )


def free_result(cursor: Any) -> None:
    """Free the cursor's result in libpq; its rows stay."""
    cursor._reset(reset_query=False)
    cursor._tx.set_pgresult(None)


def set_query(cursor: Any, query: Any, params: Any) -> None:
    """Have the cursor hold the query that it executed, for Django's log.

    psycopg does so only for statements that it does not prepare.
    """
    cursor._query = cursor._convert_query(query, params)


def last_prepared(cursor: Any) -> PreparedStatement | None:
    """Return the statement that the cursor executed last; None if it had no parameters."""
    query = cursor._query
    if query._want_formats is None:
        return None
    return PreparedStatement(query._want_formats, (query.query, query.types))


def begin(cursor: Any) -> None:
    """Begin a transaction in one call of libpq, as psycopg does before the first statement."""
    result = cursor._pgconn.exec_(cursor._conn._get_tx_start_command())
    _check(cursor, result, ExecStatus.COMMAND_OK)


def run_prepared(
    cursor: Any, statement: PreparedStatement, params: Sequence[Any]
) -> Sequence[tuple[Any, ...]] | None:
    """Run a prepared statement; return None if it must be prepared again.

    psycopg waits for results in Python, so that a signal can interrupt it. A prepared statement is
    short enough to be waited for in C.
    """
    transformer = cursor._tx
    # Nulls are allowed, though the signature excludes them.
    values = transformer.dump_sequence(params, statement.formats)
    name = cursor._conn._prepared._names.get(statement.key)
    if name is None or transformer.types != statement.key[1]:
        return None
    connection = cursor._pgconn
    result = connection.exec_prepared(
        name, values, transformer.formats, result_format=cursor.format
    )
    _check(cursor, result, ExecStatus.TUPLES_OK)
    transformer.set_pgresult(result)
    rows: Sequence[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
    return rows


def _check(cursor: Any, result: Any, status: ExecStatus) -> None:
    """Raise psycopg's error unless the result has this status."""
    if cursor._pgconn.status == ConnStatus.BAD:
        raise OperationalError(result.get_error_message())
    if result.status != status:
        raise error_from_result(result, encoding=cursor._encoding)
