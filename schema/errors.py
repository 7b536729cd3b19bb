"""The one place where errors become GraphQL: in a payload, or at the top of the response."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import strawberry
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from graphql import GraphQLError, GraphQLSyntaxError, located_error
from psycopg.errors import QueryCanceled
from strawberry import Some
from strawberry.extensions import FieldExtension
from strawberry.utils.str_converters import to_camel_case

from core.database.commits import observe_commits
from core.enums import DescribedEnum
from core.errors import DomainError, GenericErrorCode, InputRejectedError, Problem
from engine.deadline import DeadlineExceededError, OperationCancelledError
from engine.result.bounds import FieldCancelledError, ResponseTooLargeError
from schema.context import Info
from schema.error_codes import ErrorCode
from users.accounts.errors import AccountErrorCode

logger = logging.getLogger(__name__)

RATE_LIMITED = gettext_lazy("You have sent too many requests. Try again later.")


class RequestErrorCode(DescribedEnum):
    """`extensions.code` of errors that are about the request, not about its data."""

    BAD_REQUEST = "BAD_REQUEST", "The request is not GraphQL over HTTP, or names no operation."
    BODY_TOO_LARGE = "BODY_TOO_LARGE", "The body has too many bytes."
    CROSS_SITE_REQUEST = (
        "CROSS_SITE_REQUEST",
        "A page of another site sent the request with the user's cookie.",
    )
    PARSE_FAILED = "GRAPHQL_PARSE_FAILED", "The document is not GraphQL."
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED", "The document does not fit the schema."
    VARIABLES_INVALID = (
        "GRAPHQL_VARIABLES_INVALID",
        "A variable or an argument does not fit its type.",
    )
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE", "The document has too many characters."
    TOKENS_EXCEEDED = "TOKENS_EXCEEDED", "The document has too many tokens."
    DEPTH_EXCEEDED = "DEPTH_EXCEEDED", "Fields are nested too deeply."
    ALIASES_EXCEEDED = "ALIASES_EXCEEDED", "There are too many aliases."
    ROOT_FIELDS_EXCEEDED = "ROOT_FIELDS_EXCEEDED", "There are too many root fields."
    DIRECTIVES_EXCEEDED = "DIRECTIVES_EXCEEDED", "There are too many directives."
    PAGE_SIZES_EXCEEDED = "PAGE_SIZES_EXCEEDED", "The page sizes allow too many rows."
    FIELDS_EXCEEDED = "FIELDS_EXCEEDED", "Too many fields are selected."
    VALUES_EXCEEDED = "VALUES_EXCEEDED", "The rows may have too many values in all."
    QUERY_TIMEOUT = "QUERY_TIMEOUT", "The operation or a statement took too long."
    RESPONSE_TOO_LARGE = "RESPONSE_TOO_LARGE", "The answer would have too many bytes."
    RATE_LIMITED = "RATE_LIMITED", "The client has spent its points."
    INTERNAL_ERROR = "INTERNAL_ERROR", "A fault of the service; its log has the details."


@strawberry.type
class InputError:
    """One thing to mend in a mutation's input."""

    code: ErrorCode = strawberry.field(description="The reason, for programs.")
    field: list[str] | None = strawberry.field(
        description="Path of the input field it is about, if it is about one."
    )
    message: str = strawberry.field(description="The reason, for people, in their language.")


@strawberry.type
class Payload:
    """What every mutation answers."""

    errors: list[InputError] = strawberry.field(
        default_factory=list,
        description="Why the input was refused; empty if the mutation was carried out.",
    )


# graphql-core quotes Python here: its error for a literal, and its null.
PYTHON_ERROR: Final = re.compile(r", but encountered error '.*'; found:", re.DOTALL)
PYTHON_NULL: Final = re.compile(r" not to be None\.$")
# The codes of bad values of fields that have one of their own.
CODES: Final[Mapping[str, ErrorCode]] = {
    "email": AccountErrorCode.EMAIL_INVALID,
    "locale": AccountErrorCode.LOCALE_UNSUPPORTED,
    "time_zone": AccountErrorCode.TIME_ZONE_UNKNOWN,
    "username": AccountErrorCode.USERNAME_INVALID,
}


class InputErrors(FieldExtension):
    """Answers a refused input with the mutation's payload, its `errors` filled."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Run the mutation, with nothing remembered from before it.

        What fails after the mutation was committed is reported beside an empty payload: null in its
        place would say that nothing happened.
        """
        context = info.context
        context.clear_loaders()
        payload = cast("type[Payload]", info.return_type)
        with observe_commits() as commits:
            try:
                check_nulls(kwargs.get("input"))
                answer = next_(source, info, **kwargs) or payload()
            except InputRejectedError as rejected_input:
                return payload(errors=input_errors(rejected_input))
            except DomainError:
                raise
            except (Exception, OperationCancelledError) as error:
                if not commits.happened:
                    if is_timeout(error):
                        late = DeadlineExceededError()
                        raise FieldCancelledError(late, is_executed=False) from error
                    raise
                nodes = info._raw_info.field_nodes  # noqa: SLF001 - it has no public name
                context.faults.append(
                    located_error(_error_after_commit(error), nodes, info.path.as_list())
                )
                answer = payload()
        context.executed.append(str(info.path.key))
        return answer


def _error_after_commit(error: BaseException) -> Exception:
    """Return the error to report beside the payload of a committed mutation."""
    if isinstance(error, OperationCancelledError):
        return FieldCancelledError(error, is_executed=True)
    return cast("Exception", error)


def check_nulls(given: object) -> None:
    """Raise `InputRejectedError` if an optional field of an input object is null.

    GraphQL has no type for a field that may be left out, but not be null.
    """
    fields = vars(given) if given is not None else {}
    nulls = [name for name, some in fields.items() if isinstance(some, Some) and some.value is None]
    if nulls:
        message = _("Give a value, or leave the field out to keep what there is.")
        raise InputRejectedError(
            *(
                Problem(CODES.get(name, GenericErrorCode.VALUE_INVALID), message, (name,))
                for name in nulls
            )
        )


def input_errors(rejected_input: InputRejectedError) -> list[InputError]:
    """Return what a payload tells of a refused input."""
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
    """Return whether PostgreSQL cancelled a statement that took too long."""
    return isinstance(getattr(error, "__cause__", None), QueryCanceled)


def cancellation(cancelled: OperationCancelledError, *, executed: Sequence[str]) -> dict[str, Any]:
    """Return the error of a whole operation that was cancelled, as the response shows it.

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
    """Return the code and the message; ``is_executed`` of a mutation, None of a query."""
    if isinstance(cancelled, ResponseTooLargeError):
        code = RequestErrorCode.RESPONSE_TOO_LARGE
        message = (
            _(
                "This was carried out, but the answer would have more than %(max)s bytes. "
                "Read what changed by smaller queries."
            )
            if is_executed
            else _(
                "The answer would have more than %(max)s bytes. Ask for fewer objects or fields."
            )
        )
        return code, message % {"max": f"{settings.GRAPHQL_MAX_RESPONSE_BYTES:,}"}
    logger.warning("an operation was cancelled at its deadline")
    messages = {
        None: _("This took too long. Ask for less, or more precisely."),
        False: _("This took too long and was stopped. Nothing was changed. Try again."),
        True: _("This was carried out, but answering took too long. Read what changed by a query."),
    }
    return RequestErrorCode.QUERY_TIMEOUT, messages[is_executed]


def format_error(error: GraphQLError) -> dict[str, Any]:
    """Return the error as the response shows it, with a code; log it if it is a fault.

    What went wrong inside is told to the log only.
    """
    original = error.original_error
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
        logger.warning("memory was exhausted at %s", error.path)
        code, formatted["message"] = _cancellation(ResponseTooLargeError(), is_executed=None)
    elif is_timeout(original):
        logger.warning("a statement took too long at %s", error.path)
        formatted["message"] = _("This took too long. Ask for less, or more precisely.")
        code = RequestErrorCode.QUERY_TIMEOUT
    elif original is not None and (error.path is not None or not error.nodes):
        logger.error("fault in a resolver at %s", error.path, exc_info=original)
        formatted["message"] = _("Something went wrong on our side.")
        code = RequestErrorCode.INTERNAL_ERROR
    else:
        code = RequestErrorCode.VARIABLES_INVALID
    formatted["extensions"] = {"code": str(code)} | extensions
    return formatted


def _in_json(message: str) -> str:
    return PYTHON_NULL.sub(" not to be null.", PYTHON_ERROR.sub(", found:", message))
