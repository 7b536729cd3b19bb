"""Conversion of errors to GraphQL: payload `errors`, and the response's `errors`."""

import logging
import re
from collections.abc import Sequence
from typing import Any, Final

import strawberry
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from graphql import GraphQLError, GraphQLSyntaxError
from psycopg.errors import QueryCanceled
from strawberry.utils.str_converters import to_camel_case

from core.database.outages import is_outage
from core.enums import DescribedEnum
from core.errors import (
    ArgumentInvalidError,
    CursorInvalidError,
    DomainError,
    InputRejectedError,
)
from core.request_id import current_request_id
from core.web.outages import unavailable_error
from engine.deadline import OperationCancelledError
from engine.relay.errors import InvalidCursorError, PageSizeMissingError, PageSizeRangeError
from engine.result.bounds import FieldCancelledError, ResponseTooLargeError
from schema.enums import describe_enum
from schema.error_codes import ErrorCode

logger = logging.getLogger(__name__)

RATE_LIMITED = gettext_lazy("You have sent too many requests. Try again later.")


class RequestErrorCode(DescribedEnum):
    """`extensions.code` of errors about the request itself."""

    BAD_REQUEST = (
        "BAD_REQUEST",
        "The request is not valid GraphQL over HTTP, or does not identify an operation.",
    )
    BODY_TOO_LARGE = "BODY_TOO_LARGE", "The request body has too many bytes."
    CROSS_SITE_REQUEST = (
        "CROSS_SITE_REQUEST",
        "Another site sent the request with the user's session cookie.",
    )
    DOCUMENT_NOT_FOUND = "DOCUMENT_NOT_FOUND", "No trusted document has the `documentId`."
    DOCUMENT_NOT_TRUSTED = (
        "DOCUMENT_NOT_TRUSTED",
        "The client may execute trusted documents only, and this is none.",
    )
    PERSISTED_QUERY_NOT_FOUND = (
        "PERSISTED_QUERY_NOT_FOUND",
        "The server does not have the automatic persisted query.",
    )
    PERSISTED_QUERY_NOT_SUPPORTED = (
        "PERSISTED_QUERY_NOT_SUPPORTED",
        "The server stores no automatic persisted queries.",
    )
    PERSISTED_QUERY_MISMATCH = (
        "PERSISTED_QUERY_MISMATCH",
        "The SHA-256 in the request is not that of the document.",
    )
    PARSE_FAILED = "GRAPHQL_PARSE_FAILED", "The document has a syntax error."
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED", "The document does not match the schema."
    VARIABLES_INVALID = (
        "GRAPHQL_VARIABLES_INVALID",
        "A variable or an argument does not match its type.",
    )
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE", "The document has too many characters."
    TOKENS_EXCEEDED = "TOKENS_EXCEEDED", "The document has too many tokens."
    VARIABLES_TOO_LARGE = "VARIABLES_TOO_LARGE", "The variables contain too many objects."
    DEPTH_EXCEEDED = "DEPTH_EXCEEDED", "The operation nests fields too deeply."
    ALIASES_EXCEEDED = "ALIASES_EXCEEDED", "The operation has too many aliases."
    ROOT_FIELDS_EXCEEDED = "ROOT_FIELDS_EXCEEDED", "The operation has too many root fields."
    DIRECTIVES_EXCEEDED = "DIRECTIVES_EXCEEDED", "The operation has too many directives."
    PAGE_SIZES_EXCEEDED = "PAGE_SIZES_EXCEEDED", "The page sizes allow too many rows."
    FIELDS_EXCEEDED = "FIELDS_EXCEEDED", "The operation selects too many fields."
    VALUES_EXCEEDED = (
        "VALUES_EXCEEDED",
        "The operation may return too many values: rows times fields.",
    )
    QUERY_TIMEOUT = "QUERY_TIMEOUT", "The operation or a statement took too long."
    RESPONSE_TOO_LARGE = "RESPONSE_TOO_LARGE", "The response would have too many bytes."
    RATE_LIMITED = "RATE_LIMITED", "The client has exhausted its points for this minute."
    UNAVAILABLE = (
        "UNAVAILABLE",
        "The service has no database or no capacity. A mutation may have been executed.",
    )
    INTERNAL_ERROR = (
        "INTERNAL_ERROR",
        "Internal error; the service's log has the details under `extensions.requestId`.",
    )


describe_enum(RequestErrorCode)
for _value in RequestErrorCode.__strawberry_definition__.values:  # type: ignore[attr-defined]
    # Clients compare codes, which are the values.
    _value.name = str(_value.value)


@strawberry.type
class InputError:
    """A problem in a mutation's input."""

    code: ErrorCode = strawberry.field(description="Machine-readable reason.")
    field: list[str] | None = strawberry.field(
        description="Path of the input field; null if it concerns no single field."
    )
    message: str = strawberry.field(
        description="Human-readable reason, in the language of `Accept-Language`."
    )


@strawberry.type
class Payload:
    """Fields of all payloads."""

    errors: list[InputError] = strawberry.field(
        default_factory=list,
        description="Problems in the input; empty if the mutation was executed.",
    )


# graphql-core's messages leak Python: the exception of a literal, and `None` for null.
PYTHON_ERROR: Final = re.compile(r", but encountered error '.*'; found:", re.DOTALL)
PYTHON_NULL: Final = re.compile(r" not to be None\.$")


def input_errors(rejected_input: InputRejectedError) -> list[InputError]:
    """Convert rejected input to the `errors` of a payload."""
    return [
        InputError(
            code=ErrorCode[problem.code.name],
            message=str(problem.message),
            field=[to_camel_case(name) for name in problem.field] or None,
        )
        for problem in rejected_input.problems
    ]


def request_error(code: RequestErrorCode, message: str) -> GraphQLError:
    """Return an error about the request itself."""
    return GraphQLError(message, extensions={"code": code})


def is_timeout(error: BaseException | None) -> bool:
    """Return whether the error is a statement that PostgreSQL cancelled (57014)."""
    return isinstance(getattr(error, "__cause__", None), QueryCanceled)


def cancellation(cancelled: OperationCancelledError, *, executed: Sequence[str]) -> dict[str, Any]:
    """Format the error of an operation that was cancelled as a whole.

    ``executed`` are the response keys of the mutations that were executed before.
    """
    code, message = _cancellation(cancelled, is_executed=bool(executed) or None)
    extensions: dict[str, Any] = {"code": str(code)}
    if executed:
        extensions["executed"] = list(executed)
    return {"message": message, "extensions": extensions}


def _cancellation(
    cancelled: OperationCancelledError, *, is_executed: bool | None
) -> tuple[RequestErrorCode, str]:
    """Return the code and the message; ``is_executed`` is None for a query."""
    if isinstance(cancelled, ResponseTooLargeError):
        code = RequestErrorCode.RESPONSE_TOO_LARGE
        message = (
            _(
                "The mutation was executed, but its response would have more than %(max)s bytes. "
                "Query the changes in smaller parts."
            )
            if is_executed
            else _(
                "The response would have more than %(max)s bytes. Request fewer objects or fields."
            )
        )
        return code, message % {"max": f"{settings.GRAPHQL_MAX_RESPONSE_BYTES:,}"}
    logger.warning("operation cancelled at its deadline")
    messages = {
        None: _("The request took too long. Request less data, or narrow the filter."),
        False: _("The request took too long and was stopped. Nothing was changed. Try again."),
        True: _("The mutation was executed, but its response took too long. Query the changes."),
    }
    return RequestErrorCode.QUERY_TIMEOUT, messages[is_executed]


def format_error(error: GraphQLError) -> dict[str, Any]:
    """Format an error for the response, with a code; log it if it is internal.

    The response does not reveal the details of internal errors.
    """
    original = _domain_error(error.original_error)
    formatted: dict[str, Any] = dict(error.formatted)
    formatted["message"] = _in_json(error.message)
    extensions: dict[str, Any] = {}
    if isinstance(original, DomainError):
        formatted["message"] = str(original.text)
        code: str = original.code
        extensions = original.extensions
    elif error.extensions and "code" in error.extensions:
        code = error.extensions["code"]
        extensions = {name: each for name, each in error.extensions.items() if name != "code"}
    elif isinstance(error, GraphQLSyntaxError):
        code = RequestErrorCode.PARSE_FAILED
    elif isinstance(original, FieldCancelledError):
        code, formatted["message"] = _cancellation(
            original.cancelled, is_executed=original.is_executed
        )
    elif isinstance(original, MemoryError):
        logger.warning("memory exhausted", extra={"path": _path(error)})
        code, formatted["message"] = _cancellation(ResponseTooLargeError(), is_executed=None)
    elif is_timeout(original):
        logger.warning("statement timed out", extra={"path": _path(error)})
        formatted["message"] = _(
            "The request took too long. Request less data, or narrow the filter."
        )
        code = RequestErrorCode.QUERY_TIMEOUT
    elif is_outage(original):
        logger.warning("database unavailable", extra={"path": _path(error)})
        unavailable = unavailable_error()
        formatted["message"], extensions = unavailable["message"], unavailable["extensions"]
        code = RequestErrorCode.UNAVAILABLE
    elif isinstance(original, GraphQLError) and original.nodes:
        # An argument: graphql-core checks some only when it calls the resolver.
        code = RequestErrorCode.VARIABLES_INVALID
    elif original is not None and (error.path is not None or not error.nodes):
        logger.error(
            "internal error in a resolver", exc_info=original, extra={"path": _path(error)}
        )
        return internal_error() | {
            name: formatted[name] for name in ("locations", "path") if name in formatted
        }
    else:
        code = RequestErrorCode.VARIABLES_INVALID
    formatted["extensions"] = {"code": str(code)} | extensions
    return formatted


def internal_error() -> dict[str, Any]:
    """Format a fault of the service, with the request id, which users can quote."""
    request_id = current_request_id()
    extensions = {"code": str(RequestErrorCode.INTERNAL_ERROR)}
    return {
        "message": _("Something went wrong on our side."),
        "extensions": extensions | ({"requestId": request_id} if request_id else {}),
    }


def _path(error: GraphQLError) -> str:
    """Return the path as text, such as `users.nodes.0.name`: logs have scalars only."""
    return ".".join(map(str, error.path or ()))


def _domain_error(error: Exception | None) -> Exception | None:
    """Return the domain error for an error of the engine; other errors as they are."""
    if isinstance(error, InvalidCursorError):
        return CursorInvalidError()
    if isinstance(error, PageSizeMissingError):
        return ArgumentInvalidError(_("Give one of `first` and `last`."))
    if isinstance(error, PageSizeRangeError):
        return ArgumentInvalidError(
            _("`first` and `last` go from 1 to %(max)d.") % {"max": error.max_size}
        )
    return error


def _in_json(message: str) -> str:
    return PYTHON_NULL.sub(" not to be null.", PYTHON_ERROR.sub(", found:", message))
