"""The decorator of root query fields."""

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry_django
from strawberry.extensions import FieldExtension

from engine.fields.dependencies import Root, RootByType
from engine.relay.connection import KeysetConnection, Paged, paged_connection
from schema.scopes import ACCESS, Access, RequiredScope


def query_field(
    *,
    scope: RequiredScope,
    depends_on: Root | RootByType | None = None,
    extensions: Sequence[FieldExtension] = (),
) -> Any:
    """Return a decorator that declares a method as a root field, described by its docstring.

    Answers are cached if it ``depends_on`` entities, and the fields below do.
    """
    return strawberry_django.field(
        metadata=_metadata(scope, depends_on), extensions=list(extensions)
    )


def keyset_connection(
    type_: type[KeysetConnection[Any]], *, scope: RequiredScope, depends_on: Root | None = None
) -> Any:
    """Return a decorator that makes a root field which pages the queryset of a method."""
    return paged_connection(type_, Paged(), metadata=_metadata(scope, depends_on))


def _metadata(scope: RequiredScope, depends_on: Root | RootByType | None) -> Mapping[str, Any]:
    return {ACCESS: Access(scope), **(depends_on.metadata if depends_on else {})}
