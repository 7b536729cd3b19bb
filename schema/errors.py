"""The one place where errors become GraphQL: in a payload, or at the top of the response."""

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Any, cast

import strawberry
from django.utils.translation import gettext as _
from graphql import GraphQLError, GraphQLSyntaxError
from psycopg.errors import QueryCanceled
from strawberry.extensions import FieldExtension
from strawberry.utils.str_converters import to_camel_case

from core.errors import DomainError, ErrorCode, InputRejectedError
from schema.context import Info
from schema.enums import describe_enum

logger = logging.getLogger(__name__)


class RequestErrorCode(StrEnum):
    """`extensions.code` of errors that are about the request, not about its data."""

    BAD_REQUEST = "BAD_REQUEST"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    CROSS_SITE_REQUEST = "CROSS_SITE_REQUEST"
    PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    VARIABLES_INVALID = "GRAPHQL_VARIABLES_INVALID"
    TOKENS_EXCEEDED = "TOKENS_EXCEEDED"
    DEPTH_EXCEEDED = "DEPTH_EXCEEDED"
    ALIASES_EXCEEDED = "ALIASES_EXCEEDED"
    ROOT_FIELDS_EXCEEDED = "ROOT_FIELDS_EXCEEDED"
    DIRECTIVES_EXCEEDED = "DIRECTIVES_EXCEEDED"
    PAGE_SIZES_EXCEEDED = "PAGE_SIZES_EXCEEDED"
    QUERY_TIMEOUT = "QUERY_TIMEOUT"
    INTERNAL_ERROR = "INTERNAL_ERROR"


describe_enum(
    ErrorCode,
    "Why an input was refused. Codes are never renamed.",
    {code: code.description for code in ErrorCode},
)


@strawberry.type(description="One thing to mend in a mutation's input.")
class InputError:
    """A `Problem` as clients see it."""

    code: ErrorCode = strawberry.field(description="The reason, for programs.")
    field: list[str] | None = strawberry.field(
        description="Path of the input field it is about, if it is about one."
    )
    message: str = strawberry.field(description="The reason, for people, in their language.")


@strawberry.type(description="What every mutation answers.")
class Payload:
    """Base of the mutations' payloads."""

    errors: list[InputError] = strawberry.field(
        default_factory=list,
        description="Why the input was refused; empty if the mutation was carried out.",
    )


class InputErrors(FieldExtension):
    """Answers a refused input with the mutation's payload, its `errors` filled."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Run the mutation, with nothing remembered from before it."""
        info.context.forget()
        try:
            return next_(source, info, **kwargs)
        except InputRejectedError as refusal:
            payload = cast("type[Payload]", info.return_type)
            return payload(errors=input_errors(refusal))


def input_errors(refusal: InputRejectedError) -> list[InputError]:
    """Return what a payload tells of a refused input."""
    return [
        InputError(
            code=problem.code,
            message=str(problem.message),
            field=[to_camel_case(name) for name in problem.field] or None,
        )
        for problem in refusal.problems
    ]


def request_error(code: RequestErrorCode, message: str) -> GraphQLError:
    """Return an error about the request itself."""
    return GraphQLError(message, extensions={"code": code})


def format_error(error: GraphQLError) -> dict[str, Any]:
    """Return the error as the response shows it, with a code; log it if it is a fault.

    What went wrong inside is told to the log only.
    """
    original = error.original_error
    formatted: dict[str, Any] = dict(error.formatted)
    extensions: dict[str, Any] = {}
    if isinstance(original, DomainError):
        formatted["message"] = str(original.text)
        code: str = original.code
        extensions = original.extensions
    elif error.extensions and "code" in error.extensions:
        code = error.extensions["code"]
    elif isinstance(error, GraphQLSyntaxError):
        code = RequestErrorCode.PARSE_FAILED
    elif isinstance(getattr(original, "__cause__", None), QueryCanceled):
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
