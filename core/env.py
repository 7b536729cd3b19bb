"""Typed readings of environment variables.

A bad or missing value ends the process with one line that names the variable, because a
traceback out of a settings module helps no operator.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ValidationError
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.cache_format import JSONSerde
from core.email_addresses import canonical_domain, canonical_email

REQUIRED: Final = object()

SMTP_SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
CACHE_SCHEMES = ("redis", "rediss", "unix", "memcached")
SIGN_UP_MODES = ("open", "invitation", "closed")


def redis_broker(url: str) -> str:
    """Return a Redis URL as Celery reads it: sockets have a scheme and a parameter of their own."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.path}?virtual_host={database}"


class BadSetting(SystemExit):
    """A variable that cannot be used; as the exit status it prints as one line."""

    def __init__(self, name: str, problem: str) -> None:
        """Say what is wrong with the variable ``name``, without quoting its value."""
        super().__init__(f"{name}: {problem}")


class Environment:
    """Reads variables; ``NAME_FILE`` stands in for ``NAME`` where secrets are mounted as files."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read from ``variables``, usually ``os.environ``."""
        self.variables = variables

    def text(self, name: str, default: Any = REQUIRED, *, min_length: int = 0) -> str:
        """Return the variable, or ``default`` when it is unset or empty."""
        value = self._read(name)
        if value is None:
            if default is REQUIRED:
                raise BadSetting(name, "is required; see docs/configuration.md")
            return str(default)
        if len(value) < min_length:
            raise BadSetting(name, f"must have at least {min_length} characters")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean written as 0/1, true/false, yes/no or on/off."""
        value = (self._read(name) or "").lower()
        if not value:
            return default
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise BadSetting(name, "must be 1 or 0")

    def number(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        """Return an integer between ``minimum`` and ``maximum``, both included."""
        value = self._read(name)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            raise BadSetting(name, f"must be a whole number, not {value!r}") from None
        if not minimum <= number <= maximum:
            raise BadSetting(name, f"must be between {minimum} and {maximum}, not {number}")
        return number

    def date(self, name: str) -> dt.datetime | None:
        """Return the beginning, in UTC, of a day written as YYYY-MM-DD; None if it is unset."""
        value = self._read(name)
        if value is None:
            return None
        try:
            return dt.datetime.combine(dt.date.fromisoformat(value), dt.time.min, dt.UTC)
        except ValueError:
            raise BadSetting(name, f"must be a day such as 2026-01-31, not {value!r}") from None

    def names(self, name: str, default: Any = REQUIRED) -> list[str]:
        """Return the comma-separated items, stripped, without empty ones."""
        if self._read(name) is None and default is not REQUIRED:
            return list(default)
        items = [item.strip() for item in self.text(name).split(",")]
        return [item for item in items if item]

    def url(self, name: str, default: Any = REQUIRED, *, schemes: Collection[str]) -> str:
        """Return a URL of one of ``schemes``."""
        value = self.text(name, default)
        self._split(name, value, schemes)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a JSON object; an empty one when it is unset."""
        try:
            value = json.loads(self._read(name) or "{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise BadSetting(name, "must be a JSON object")
        return value

    def database(self, name: str, default: Any = REQUIRED) -> dict[str, Any]:
        """Return Django's database settings for a libpq URL."""
        value = self.url(name, default, schemes=("postgres", "postgresql"))
        try:
            options: dict[str, Any] = dict(conninfo_to_dict(value))
        except ProgrammingError:
            # libpq's message may quote the password.
            problem = "is not a URL like postgresql://user:password@host:5432/roster"
            raise BadSetting(name, problem) from None
        if not options.get("dbname"):
            raise BadSetting(name, "names no database, as in postgresql://host/roster")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": options.pop("dbname"),
            "USER": options.pop("user", ""),
            "PASSWORD": options.pop("password", ""),
            "HOST": options.pop("host", ""),
            "PORT": options.pop("port", ""),
            # A server that does not answer must not hold a thread for minutes.
            "OPTIONS": {"connect_timeout": 5} | options,
        }

    def cache(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's cache settings for a Redis, Unix socket or Memcached URL."""
        value = self.text(name, default)
        parts = self._split(name, value, CACHE_SCHEMES)
        if parts.scheme == "memcached":
            return {
                "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
                "LOCATION": parts.netloc,
                "OPTIONS": {
                    "serde": JSONSerde(),
                    "ignore_exc": True,
                    "connect_timeout": 0.2,
                    "timeout": 0.2,
                },
            }
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": value,
            "OPTIONS": {
                "SERIALIZER": "core.cache_format.JSONSerializer",
                "SOCKET_CONNECT_TIMEOUT": 0.2,
                "SOCKET_TIMEOUT": 0.2,
                # redis-py retries with growing pauses unless told not to.
                "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
                "IGNORE_EXCEPTIONS": True,
            },
        }

    def smtp(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's mail settings for an SMTP URL."""
        parts = self._split(name, self.text(name, default), SMTP_SCHEMES)
        return {
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": parts.port or SMTP_SCHEMES[parts.scheme],
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
            "EMAIL_USE_SSL": parts.scheme == "smtps",
        }

    def sender(self, name: str, default: str) -> str:
        """Return an address with or without a display name; its domain has A-labels."""
        value = self.text(name, default)
        display_name, address = parseaddr(value)
        if address.isascii():
            return value
        try:
            return formataddr((display_name, canonical_email(address)))
        except ValidationError:
            raise BadSetting(name, "has an address that mail cannot be sent from") from None

    def sign_up(self, name: str) -> list[str]:
        """Return one of `SIGN_UP_MODES`, or e-mail domains in canonical form; open by default."""
        names = self.names(name, default=["open"])
        if len(names) == 1 and names[0].lower() in SIGN_UP_MODES:
            return [names[0].lower()]
        try:
            return [canonical_domain(domain) for domain in names]
        except ValidationError:
            problem = "must be open, invitation, closed or domains such as example.com"
            raise BadSetting(name, problem) from None

    def _read(self, name: str) -> str | None:
        path = self.variables.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text(encoding="utf-8").strip() or None
            except OSError as error:
                raise BadSetting(f"{name}_FILE", f"cannot be read: {error.strerror}") from None
        return self.variables.get(name, "").strip() or None

    def _split(self, name: str, value: str, schemes: Collection[str]) -> SplitResult:
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as error:
            raise BadSetting(name, f"is not a URL: {error}") from None
        if parts.scheme not in schemes:
            raise BadSetting(name, f"must be a URL that begins with {' or '.join(schemes)}://")
        if not (parts.netloc or parts.path):
            raise BadSetting(name, "names no host")
        return parts
