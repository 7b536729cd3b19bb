"""The webhook by which the provider of `EMAIL_URL` reports what became of mails.

Anymail checks the secret, and the provider's signature if it has one, reads the report and sends
its signal `tracking`. The response does not depend on whether an address is known. Wrong secrets
are not counted, because they cannot be guessed, and refusing them takes no query.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailEvent
from anymail.webhooks.base import AnymailCoreWebhookView
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.module_loading import import_string

from core.email.providers import PROVIDERS

logger = logging.getLogger(__name__)

# What Anymail raises for a report of another form.
MALFORMED: Final = (
    *(ArithmeticError, AttributeError, LookupError, OSError),
    *(RecursionError, TypeError, ValueError),
)


class MalformedReportError(Exception):
    """The request has the secret, but no report in the provider's form."""


class Webhook(AnymailCoreWebhookView):  # type: ignore[misc]
    """Responds to what Anymail refuses; the provider's view is its second base class."""

    def post(self, request: HttpRequest, *_arguments: Any, **_keywords: Any) -> HttpResponse:
        """Receive reports; they may be repeated."""
        try:
            response: HttpResponse = super().post(request)
        except AnymailWebhookValidationFailure:
            headers = {"WWW-Authenticate": "Basic"}
            return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers=headers)
        except RequestDataTooBig:
            return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except MalformedReportError:
            logger.warning("mail webhook not understood")
            return HttpResponse(status=HTTPStatus.BAD_REQUEST)
        return response

    def run_validators(self, request: HttpRequest) -> None:
        """Check the secret and the signature."""
        with _malformed():
            super().run_validators(request)

    def parse_events(self, request: HttpRequest) -> Sequence[AnymailEvent]:
        """Return the reports."""
        with _malformed():
            events: Sequence[AnymailEvent] = super().parse_events(request)
        return events


@contextmanager
def _malformed() -> Iterator[None]:
    try:
        yield
    except MALFORMED:
        raise MalformedReportError from None


_bases: Final = (Webhook, import_string(PROVIDERS[settings.MAIL_PROVIDER].webhook))
_view: Any = type("ProviderWebhook", _bases, {})
urlpatterns = [path(settings.MAIL_PROVIDER, _view.as_view(), name="mail-webhook")]
