"""The mutation decorator: one `input` object, a payload with `errors`, one service call."""

from collections.abc import Callable
from typing import Any, Final

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import capitalize_first, to_camel_case

from schema.errors import InputErrors, Payload
from schema.scopes import ACCESS, Access, RequiredScope

INPUT: Final = "Parameters of the mutation."


class _InputArgument(FieldExtension):
    """Describes the argument `input`."""

    def apply(self, field: StrawberryField) -> None:
        """Set the description; the input type has the details."""
        for argument in field.arguments:
            argument.description = INPUT

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        """Resolve without change."""
        return next_(source, info, **kwargs)


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
            extensions=[InputErrors(), _InputArgument()],
            metadata={ACCESS: Access(scope, reauthenticate)},
        )

    return declare


def _errors_only(method: str) -> type[Payload]:
    name = f"{capitalize_first(to_camel_case(method))}Payload"
    description = "The problems in the input, if any."
    return strawberry.type(type(name, (Payload,), {"__doc__": description}))
