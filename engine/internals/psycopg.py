"""Private names of psycopg: prepared statements, and the results that cursors hold."""

import os
import socket
from collections.abc import Sequence
from select import POLLIN, POLLOUT, poll
from time import perf_counter
from typing import Any, Final, NamedTuple, cast

from psycopg.adapt import PyFormat
from psycopg.errors import FeatureNotSupported, OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from engine.internals.versions import require_version
from engine.meter import record

VERSION: Final = "3.3"

require_version("psycopg", VERSION, __name__)


class PreparedStatement(NamedTuple):
    """A statement that psycopg prepared: its parameters' formats, and its key in the connection."""

    formats: Sequence[PyFormat]
    key: tuple[bytes, tuple[int, ...]]


def disconnect(connection: Any) -> None:
    """Shut a connection's socket down; a statement that waits for PostgreSQL fails at once.

    Another thread may use the connection, and may close it meanwhile: the descriptor is duplicated,
    because it could be another connection's then, and shut down if it was this one's to the end.
    """
    libpq = connection.pgconn
    try:
        descriptor = libpq.socket
        with socket.socket(fileno=os.dup(descriptor)) as duplicate:
            if libpq.socket == descriptor:
                duplicate.shutdown(socket.SHUT_RDWR)
    except (OSError, OperationalError):
        # It is closed already.
        return


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
    result = cursor._pgconn.exec_(begin_command(cursor._conn))
    _require_connection(cursor._pgconn, result)
    _require_status(cursor, result, ExecStatus.COMMAND_OK)


def begin_command(connection: Any) -> bytes:
    """Return the command that begins a transaction, with the connection's isolation level."""
    return cast("bytes", connection._get_tx_start_command())


class PreparedCall(NamedTuple):
    """An execution of a prepared statement: its name on the server, with parameters for libpq."""

    cursor: Any
    text: bytes
    name: bytes
    values: Sequence[Any]
    formats: Any


def bind_prepared(
    cursor: Any, statement: PreparedStatement, params: Sequence[Any]
) -> PreparedCall | None:
    """Return an execution of the statement; None if it has to be prepared again."""
    transformer = cursor._tx
    # Nulls are allowed, though the signature excludes them.
    values = transformer.dump_sequence(params, statement.formats)
    name = cursor._conn._prepared._names.get(statement.key)
    if name is None or transformer.types != statement.key[1]:
        return None
    return PreparedCall(cursor, statement.key[0], name, values, transformer.formats)


def run_prepared(call: PreparedCall) -> PGresult:
    """Run a prepared statement in one call of libpq; return its result, for `load_rows`.

    psycopg waits for results in Python, so that a signal can interrupt it. A prepared statement is
    short enough to be waited for in C.
    """
    cursor, text, name, values, formats = call
    connection = cursor._pgconn
    started = perf_counter()
    result = connection.exec_prepared(name, values, formats, result_format=cursor.format)
    record(text, started)
    _require_connection(connection, result)
    return cast("PGresult", result)


def run_pipelined(
    connection: Any, statements: Sequence[PreparedCall | bytes]
) -> Sequence[PGresult]:
    """Run prepared statements, and commands as SQL, of a connection in one round trip.

    Return their results, for `load_result`. After one that fails, none is executed. Raises
    `OperationalError` if the connection is lost.
    """
    if len(statements) == 1 and isinstance(statements[0], PreparedCall):
        return [run_prepared(statements[0])]
    libpq = connection.pgconn
    started = perf_counter()
    try:
        libpq.enter_pipeline_mode()
        for each in statements:
            if isinstance(each, bytes):
                libpq.send_query_params(each, None)
            else:
                cursor, _text, name, values, formats = each
                libpq.send_query_prepared(name, values, formats, result_format=cursor.format)
        libpq.pipeline_sync()
        # `get_result` would wait with the GIL.
        wait = poll()
        wait.register(libpq.socket, POLLIN | POLLOUT)
        while libpq.flush():
            wait.poll()
            # The server may not read on before its messages are read.
            libpq.consume_input()
        wait.modify(libpq.socket, POLLIN)
        results: list[PGresult] = []
        # None follows the result of each statement. The last one is that of the synchronisation.
        for _number in range(2 * len(statements) + 1):
            while libpq.is_busy():
                wait.poll()
                libpq.consume_input()
            results.append(libpq.get_result())
        _require_connection(libpq, libpq)
        libpq.exit_pipeline_mode()
        record(statements, started, len(statements))
    except BaseException as error:
        # Nothing else can be executed in what is left of the pipeline.
        connection.close()
        if isinstance(error, OperationalError) and _has_command_succeeded(statements, results):
            return results[: 2 * len(statements) - 1 : 2]
        raise
    return results[:-1:2]


def _has_command_succeeded(
    statements: Sequence[PreparedCall | bytes], results: Sequence[PGresult]
) -> bool:
    """Return whether the last statement is a command, and its success was received.

    A COMMIT counts, although the connection was lost before the end of the pipeline.
    """
    last = 2 * len(statements) - 2
    return (
        isinstance(statements[-1], bytes)
        and len(results) > last
        and results[last].status == ExecStatus.COMMAND_OK
    )


def _require_connection(connection: Any, result: Any) -> None:
    """Raise `OperationalError` with the message of the result if the connection is lost."""
    if connection.status == ConnStatus.BAD:
        raise OperationalError(result.get_error_message())


def _require_status(cursor: Any, result: Any, status: ExecStatus) -> None:
    """Raise psycopg's error unless the result has this status."""
    if result.status != status:
        raise error_from_result(result, encoding=cursor._encoding)


def load_rows(cursor: Any, result: PGresult) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a result; raise the error of a failed statement."""
    _require_status(cursor, result, ExecStatus.TUPLES_OK)
    transformer = cursor._tx
    transformer.set_pgresult(result)
    rows: Sequence[tuple[Any, ...]] = transformer.load_rows(0, result.ntuples, tuple)
    return rows


def load_result(statement: PreparedCall | bytes, result: PGresult) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a pipeline's statement, none of a command; raise its error."""
    if isinstance(statement, bytes):
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)
        return ()
    return load_rows(statement.cursor, result)
