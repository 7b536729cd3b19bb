"""The decorator of root query fields."""

from typing import Any

import strawberry_django

from schema.scopes import ACCESS, Access, RequiredScope


def query_field(*, scope: RequiredScope) -> Any:
    """Return a decorator that declares a method as a root field, described by its docstring."""
    return strawberry_django.field(metadata={ACCESS: Access(scope)})
