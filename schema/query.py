"""How a field of `Query` is declared."""

from typing import Any

import strawberry_django

from schema.scopes import ACCESS, Access, RequiredScope


def query_field(*, scope: RequiredScope) -> Any:
    """Return a decorator that makes a root field of a method, described by its docstring."""
    return strawberry_django.field(metadata={ACCESS: Access(scope)})
