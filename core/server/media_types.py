"""The media types of GraphQL over HTTP."""

from functools import lru_cache
from typing import Final

from django.http import HttpRequest

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"
CHARSET: Final = "; charset=utf-8"


@lru_cache
def preferred_type(accept: str) -> str | None:
    """Return the media type for an `Accept` header; None if none is acceptable."""
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = accept
    return request.get_preferred_type([JSON + CHARSET, GRAPHQL_JSON + CHARSET])
