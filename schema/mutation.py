"""How a mutation is declared: one `input` object, a payload with `errors`, one service call."""

from collections.abc import Callable
from typing import Any, Final

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import capitalize_first, to_camel_case

from schema.errors import InputErrors, Payload
from schema.scopes import ACCESS, Access, RequiredScope

INPUT: Final = "What the mutation takes."


class _InputArgument(FieldExtension):
    """Describes the argument, which is called `input` in every mutation."""

    def apply(self, field: StrawberryField) -> None:
        """Say what the type's own description tells in detail."""
        for argument in field.arguments:
            argument.description = INPUT

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        """Change nothing."""
        return next_(source, info, **kwargs)


def mutation(*, scope: RequiredScope, reauthenticate: bool) -> Any:
    """Return a decorator that makes a mutation of a method, described by its docstring.

    ``reauthenticate`` states that the service requires recent authentication. Input that the
    service refuses is answered in the payload's `errors`; a method that returns nothing gets a
    payload of its own that has nothing else.
    """

    def register_tables(method: Callable[..., Any]) -> Any:
        if method.__annotations__["return"] is None:
            method.__annotations__["return"] = _errors_only(method.__name__)
        return strawberry.mutation(
            method,
            extensions=[InputErrors(), _InputArgument()],
            metadata={ACCESS: Access(scope, reauthenticate)},
        )

    return register_tables


def _errors_only(method: str) -> type[Payload]:
    name = f"{capitalize_first(to_camel_case(method))}Payload"
    description = "Errors, if the input was refused, and nothing else."
    return strawberry.type(type(name, (Payload,), {"__doc__": description}))
