"""The API's own way through Django, past what only pages need."""

from collections.abc import Callable
from typing import Any, Final, cast

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import resolve
from django.utils import translation
from django.utils.functional import cached_property
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from core.deadline import Deadline, DeadlineExceededError
from core.http import ActorRequest

Handler = Callable[[HttpRequest], HttpResponse]
PATH: Final = "/graphql"


class ApiMiddleware:
    """Hand operations to the API's view through `settings.API_MIDDLEWARE` alone.

    Sessions, messages, CSRF tokens, static files and the search for a URL are for pages, and
    take longer than many an operation; so do headers that say how a page may be shown. What a
    browser asks for by GET goes their way, and so does what came unencrypted and is to be
    redirected.
    """

    def __init__(self, get_response: Handler) -> None:
        """Wrap the way of the pages."""
        self.pages = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer within `settings.REQUEST_DEADLINE`.

        Raises `DisallowedHost`, which Django answers with 400.
        """
        deadline = Deadline(settings.REQUEST_DEADLINE, settings.STATEMENT_TIMEOUT / 1_000)
        cast("ActorRequest", request).deadline = deadline
        try:
            with deadline:
                return self._answer(request)
        except DeadlineExceededError:
            return timed_out()

    def _answer(self, request: HttpRequest) -> HttpResponse:
        """Choose the way."""
        if request.method != "POST" or request.path_info != PATH:
            return self.pages(request)
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            return self.pages(request)
        request.get_host()
        response = self.api(request)
        response.headers["Content-Length"] = str(len(response.content))
        response.headers["X-Content-Type-Options"] = "nosniff"
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            response.headers["Strict-Transport-Security"] = (
                f"max-age={settings.SECURE_HSTS_SECONDS}"
            )
        return response

    @cached_property
    def api(self) -> Handler:
        """Return the view in its middleware, as Django puts it around its own."""
        handler: Any = convert_exception_to_response(resolve(PATH).func)
        for path in reversed(settings.API_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
        return cast("Handler", handler)


def timed_out() -> HttpResponse:
    """Answer a request that had its time before its operation or page began."""
    message = _("This took too long and was stopped. Try again in a moment.")
    error = {"message": message, "extensions": {"code": "QUERY_TIMEOUT"}}
    return JsonResponse({"errors": [error]}, status=503, headers={"Retry-After": "1"})


class LanguageMiddleware:
    """Answer in the language that the client accepts."""

    def __init__(self, get_response: Handler) -> None:
        """Wrap the rest of the way."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the language, and tell it."""
        language = translation.get_language_from_request(request)
        translation.activate(language)
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response
