"""The decorator of root query fields."""

from typing import Any

import strawberry_django

from engine.relay.connection import KeysetConnection, Paged, paged_connection
from schema.scopes import ACCESS, Access, RequiredScope


def query_field(*, scope: RequiredScope) -> Any:
    """Return a decorator that declares a method as a root field, described by its docstring."""
    return strawberry_django.field(metadata={ACCESS: Access(scope)})


def keyset_connection(type_: type[KeysetConnection[Any]], *, scope: RequiredScope) -> Any:
    """Return a decorator that makes a root field which pages the queryset of a method."""
    return paged_connection(type_, Paged(), metadata={ACCESS: Access(scope)})
