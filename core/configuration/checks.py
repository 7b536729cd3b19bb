"""System checks of settings that a deployment rarely means (`manage.py check --deploy`)."""

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from core.configuration.services import LOCAL_HOSTS

# Modes of libpq in which a connection without TLS fails.
TLS_MODES: Final = frozenset({"require", "verify-ca", "verify-full"})


def check_deployment(**_arguments: Any) -> list[CheckMessage]:
    """Warn of settings that suit one machine, but no proxy and no network."""
    return list(_warnings())


def _warnings() -> Iterator[CheckWarning]:
    for name, database in (
        ("DATABASE_URL", settings.DATABASES["default"]),
        ("MIGRATION_DATABASE_URL", settings.MIGRATION_DATABASE),
    ):
        hosts = [host for host in database["HOST"].split(",") if host[:1] not in {"", "/"}]
        is_remote = not set(hosts) <= set(LOCAL_HOSTS)
        if is_remote and database["OPTIONS"].get("sslmode") not in TLS_MODES:
            yield CheckWarning(
                f"{name} allows connections without TLS, so the network can read all data.",
                hint="Append ?sslmode=verify-full&sslrootcert=…, or at least ?sslmode=require.",
                id="roster.W005",
            )
    if settings.SECURE and not settings.TRUSTED_PROXIES:
        yield CheckWarning(
            "PUBLIC_URL has https, which a proxy terminates, but TRUSTED_PROXIES is 0: all clients "
            "have the proxy's address and share its rate limits.",
            hint="Set TRUSTED_PROXIES to the number of proxies that append to X-Forwarded-For.",
            id="roster.W006",
        )
    if settings.EMAIL_HOST in LOCAL_HOSTS and not (settings.MAIL_PROVIDER or settings.DEMO):
        yield CheckWarning(
            "EMAIL_URL names this machine; a container has no mail server.",
            hint="Set EMAIL_URL to an SMTP server or a provider; see docs/configuration.md.",
            id="roster.W007",
        )
