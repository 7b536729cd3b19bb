"""Mail backend of providers, and the classification of their APIs' errors.

Temporary: no connection, a time-out, any status but those in `FINAL`, such as 401 (credentials),
402 (payment), 404 (domain), 429 (rate) and 5xx, and a success without the id of the mail, which a
proxy or another service may answer. docs/deployment.md has the table.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string

from core.email.providers import PROVIDERS
from core.email.smtp_replies import MailDelayedError, MailRefusedError

# The provider does not accept this mail: it is malformed, too large or against its rules.
FINAL: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
# Anymail itself cannot express the mail in the provider's API.
INEXPRESSIBLE: Final = (
    AnymailInvalidAddress,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)


class EmailBackend(BaseEmailBackend):
    """Sends by the provider of `EMAIL_URL`; raises errors that quote neither it nor the mail."""

    def __init__(self, **options: Any) -> None:
        """Create Anymail's backend."""
        super().__init__(**options)
        self._provider = PROVIDERS[settings.MAIL_PROVIDER]
        self._backend = import_string(self._provider.backend)(**options)

    def open(self) -> bool:
        """Open a session, which connects when it sends."""
        is_new = bool(self._backend.open())
        # Another host would be sent the key.
        self._backend.session.max_redirects = 0
        return is_new

    def close(self) -> None:
        """Close the session."""
        self._backend.close()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send mails to one recipient each.

        Raises `MailRefusedError` for a permanent failure, `MailDelayedError` for a temporary one.
        """
        for message in email_messages:
            self._send(message)
        return len(email_messages)

    def _send(self, message: EmailMessage) -> None:
        message.extra_headers = self._provider.headers(message.extra_headers)
        name, sent = self._provider.name, cast("Any", message)
        try:
            self._backend.send_messages([message])
        except AnymailError as error:
            raise error_of(error, name) from None
        except (AttributeError, TypeError):
            # Anymail expects the types that the provider documents.
            if sent.anymail_status.esp_response is None:
                raise
            raise _error_of_status(sent.anymail_status.esp_response.status_code, name) from None
        # Anymail reports a mail that Mailjet refuses by its status only, and takes some answers
        # without content as a success.
        response = sent.anymail_status.esp_response
        is_refused = "failed" in sent.anymail_status.status
        if is_refused or not (response.content and self._provider.has_accepted(response.json())):
            raise _error_of_status(response.status_code, name)


def error_of(error: AnymailError, provider: str) -> MailRefusedError | MailDelayedError:
    """Classify an exception of Anymail, without quoting it."""
    if isinstance(error, AnymailRecipientsRefused):
        return MailRefusedError(f"{provider}: recipient refused", is_undeliverable=True)
    if isinstance(error, INEXPRESSIBLE):
        return MailRefusedError(f"{provider}: {type(error).__name__}", is_undeliverable=False)
    if isinstance(error, AnymailAPIError) and error.status_code is not None:
        return _error_of_status(error.status_code, provider)
    # Without a response, the cause is an exception of the HTTP client.
    return MailDelayedError(f"{provider}: {type(error.__cause__ or error).__name__}")


def _error_of_status(status: int, provider: str) -> MailRefusedError | MailDelayedError:
    reason = f"{provider}: {status}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return MailDelayedError(f"{reason} without the id of the mail")
    if status in FINAL:
        return MailRefusedError(reason, is_undeliverable=False)
    return MailDelayedError(reason)
