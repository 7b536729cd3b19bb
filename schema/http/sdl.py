"""The schema as a document, for tools that generate clients."""

from functools import cache
from hashlib import blake2b

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import condition, require_safe

from core.security.actor import ANONYMOUS
from core.web.request import ActorRequest
from schema.http.introspection import may_introspect


@cache
def _sdl() -> bytes:
    return (settings.BASE_DIR / "schema.graphql").read_bytes()


@cache
def _etag() -> str:
    return f'"{blake2b(_sdl(), digest_size=16).hexdigest()}"'


@condition(etag_func=lambda _request: _etag())
def _response(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(_sdl(), content_type="text/plain; charset=utf-8")


@require_safe
def sdl(request: ActorRequest) -> HttpResponse:
    """Serve `schema.graphql`. Raises `Http404` for those to whom introspection is closed."""
    if not may_introspect(request.actor):
        raise Http404
    response = _response(request)
    shared = "public" if may_introspect(ANONYMOUS) else "private"
    response["Cache-Control"] = f"{shared}, max-age=300"
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response
