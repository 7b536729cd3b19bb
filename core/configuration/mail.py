"""Environment variables of mail: the server or the provider, its webhooks, and the sender."""

import re
from email.utils import formataddr, parseaddr
from typing import Any, Final
from urllib.parse import SplitResult, unquote

from django.core.exceptions import ValidationError

from core.configuration.env import BadSetting, Environment
from core.email.addresses import canonical_email
from core.email.providers import PROVIDERS, ProviderUrlError

SMTP_SCHEMES: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
# Characters that URLs need not escape (RFC 3986), because providers are given the secret in one.
WEBHOOK_SECRET: Final = re.compile(r"[A-Za-z0-9._~-]{32,200}")
WEBHOOK_USER: Final = "roster"


class MailEnvironment(Environment):
    """Reads the variables into the settings of Django and Anymail."""

    def mail(self, name: str, default: str, *, timeout: int) -> dict[str, Any]:
        """Return the settings for the URL of an SMTP server or a provider.

        A provider's webhooks have their secrets in `MAIL_WEBHOOK_SECRETS`.
        """
        parts = self.split_url(name, default, schemes=(*SMTP_SCHEMES, *PROVIDERS))
        secrets = self.names("MAIL_WEBHOOK_SECRETS", default=[])
        if parts.scheme not in PROVIDERS:
            if secrets:
                raise BadSetting("MAIL_WEBHOOK_SECRETS", f"is only for a provider in {name}")
            return self._smtp(parts)
        if not all(map(WEBHOOK_SECRET.fullmatch, secrets)):
            problem = "must be of 32 to 200 letters, digits and -._~ each"
            raise BadSetting("MAIL_WEBHOOK_SECRETS", problem)
        try:
            settings = PROVIDERS[parts.scheme].settings(parts)
        except ProviderUrlError as error:
            raise BadSetting(name, str(error)) from None
        return {
            "EMAIL_BACKEND": "core.email.provider_backend.EmailBackend",
            "MAIL_PROVIDER": parts.scheme,
            "MAIL_WEBHOOKS": bool(secrets),
            "ANYMAIL": settings
            | {
                "REQUESTS_TIMEOUT": timeout,
                "WEBHOOK_SECRET": [f"{WEBHOOK_USER}:{secret}" for secret in secrets],
            },
        }

    @staticmethod
    def _smtp(parts: SplitResult) -> dict[str, Any]:
        return {
            "EMAIL_BACKEND": "core.email.smtp.EmailBackend",
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": parts.port or SMTP_SCHEMES[parts.scheme],
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
            "EMAIL_USE_SSL": parts.scheme == "smtps",
        }

    def sender(self, name: str, default: str) -> str:
        """Return an address, with or without display name; its domain is in A-labels."""
        value = self.display_text(name, default)
        display_name, address = parseaddr(value)
        if address.isascii():
            return value
        try:
            return formataddr((display_name, canonical_email(address)))
        except ValidationError:
            raise BadSetting(name, "must have an address that can send mail") from None
