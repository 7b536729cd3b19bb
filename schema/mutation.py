"""The mutation decorator: one `input` object, a payload with `errors`, one service call."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import strawberry
from django.utils.translation import gettext as _
from graphql import located_error
from strawberry import Some
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import capitalize_first, to_camel_case

from core.database.commits import observe_commits
from core.errors import DomainError, GenericErrorCode, InputRejectedError, Problem
from engine.deadline import DeadlineExceededError, OperationCancelledError
from engine.result.bounds import FieldCancelledError
from schema.context import Info
from schema.error_codes import ErrorCode
from schema.errors import Payload, input_errors, is_timeout
from schema.scopes import ACCESS, Access, RequiredScope
from users.accounts.errors import AccountErrorCode

INPUT: Final = "Parameters of the mutation."
# Codes of fields whose invalid values have a code of their own.
CODES: Final[Mapping[str, ErrorCode]] = {
    "email": AccountErrorCode.EMAIL_INVALID,
    "locale": AccountErrorCode.LOCALE_UNSUPPORTED,
    "time_zone": AccountErrorCode.TIME_ZONE_UNKNOWN,
    "username": AccountErrorCode.USERNAME_INVALID,
}


class InputErrors(FieldExtension):
    """Reports rejected input in the `errors` of the mutation's payload."""

    def apply(self, field: StrawberryField) -> None:
        """Describe the argument `input`; the input type has the details."""
        for argument in field.arguments:
            argument.description = INPUT

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Execute the mutation with empty loaders.

        An error after the commit is reported beside an empty payload: a null payload means that
        nothing was changed.
        """
        context = info.context
        context.clear_loaders()
        payload = cast("type[Payload]", info.return_type)
        with observe_commits() as commits:
            try:
                check_nulls(kwargs.get("input"))
                answer = next_(source, info, **kwargs) or payload()
            except InputRejectedError as rejected_input:
                context.codes += tuple(str(each.code) for each in rejected_input.problems)
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


def check_nulls(input: object) -> None:
    """Raise `InputRejectedError` if an optional field of an input object is null.

    GraphQL has no type for a field that is optional but not nullable.
    """
    fields = vars(input) if input is not None else {}
    nulls = [name for name, some in fields.items() if isinstance(some, Some) and some.value is None]
    if nulls:
        message = _("Enter a value, or omit the field to keep the current value.")
        raise InputRejectedError(
            *(
                Problem(CODES.get(name, GenericErrorCode.VALUE_INVALID), message, (name,))
                for name in nulls
            )
        )


def mutation(*, scope: RequiredScope, reauthenticate: bool) -> Any:
    """Return a decorator that declares a method as a mutation, described by its docstring.

    ``reauthenticate`` documents that the service requires recent authentication. Input that the
    service rejects is reported in the payload's `errors`. A method that returns None gets a payload
    type with no other field.
    """

    def declare(method: Callable[..., Any]) -> Any:
        if method.__annotations__["return"] is None:
            method.__annotations__["return"] = _errors_only(method.__name__)
        return strawberry.mutation(
            method,
            extensions=[InputErrors()],
            metadata={ACCESS: Access(scope, reauthenticate)},
        )

    return declare


def _errors_only(method: str) -> type[Payload]:
    name = f"{capitalize_first(to_camel_case(method))}Payload"
    description = "The problems in the input, if any."
    return strawberry.type(type(name, (Payload,), {"__doc__": description}))
