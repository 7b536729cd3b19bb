"""Typed access to environment variables.

An invalid or missing value ends the process with one line that names the variable, because a
traceback from a settings module does not help an operator.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from core.colors import parse_color
from core.rfc3339 import parse_day

REQUIRED: Final = object()
FLAGS: Final = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}

T = TypeVar("T")


class BadSetting(SystemExit):
    """An invalid variable. Python prints an uncaught `SystemExit` as one line."""

    def __init__(self, name: str, problem: str) -> None:
        """Describe the problem with the variable ``name``; ``problem`` must not quote a secret."""
        super().__init__(f"{name}: {problem}")


class Environment:
    """Reads variables; ``NAME_FILE`` names a file to read instead, such as a mounted secret."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read from ``variables``, usually ``os.environ``."""
        self.variables = variables
        self._values: dict[str, str | None] = {}

    def digest(self) -> bytes:
        """Return a digest of all values that were read, secrets included; to be kept secret."""
        values = json.dumps(self._values, sort_keys=True)
        return hashlib.sha256(values.encode()).digest()

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

    def choice(self, name: str, *choices: str, default: str) -> str:
        """Return one of ``choices``."""
        value = self.text(name, default)
        if value not in choices:
            raise BadSetting(name, f"must be one of {', '.join(choices)}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean written as 0/1, true/false, yes/no or on/off."""
        return self._parsed(name, default, lambda text: FLAGS[text.lower()], "must be 1 or 0")

    def number(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        """Return an integer from ``minimum`` to ``maximum``, inclusive."""
        number = self._parsed(name, default, int, "must be a whole number, not {!r}")
        if not minimum <= number <= maximum:
            raise BadSetting(name, f"must be between {minimum} and {maximum}, not {number}")
        return number

    def date(self, name: str) -> dt.datetime | None:
        """Return midnight UTC of a day written as YYYY-MM-DD; None if unset."""
        problem = "must be a day such as 2026-01-31, not {!r}"
        day: dt.date | None = self._parsed(name, None, parse_day, problem)
        return dt.datetime.combine(day, dt.time.min, dt.UTC) if day else None

    def names(self, name: str, default: Any = REQUIRED) -> list[str]:
        """Return the comma-separated items, stripped; empty items are dropped."""
        if self._read(name) is None and default is not REQUIRED:
            return list(default)
        return [item for item in map(str.strip, self.text(name).split(",")) if item]

    def networks(self, name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
        """Return the comma-separated networks, such as 10.0.0.0/8."""
        try:
            return [ip_network(network) for network in self.names(name, default)]
        except ValueError as error:
            raise BadSetting(name, f"must be networks such as 10.0.0.0/8: {error}") from None

    def url(self, name: str, default: Any = REQUIRED, *, schemes: Collection[str]) -> str:
        """Return a URL with one of ``schemes``."""
        self.split_url(name, default, schemes=schemes)
        # Unchanged, because `SplitResult.geturl` drops an empty host.
        return self.text(name, default)

    def optional_url(self, name: str, *, schemes: Collection[str]) -> str:
        """Return a URL with one of ``schemes``; empty if unset."""
        return self.url(name, schemes=schemes) if self._read(name) else ""

    def split_url(
        self, name: str, default: Any = REQUIRED, *, schemes: Collection[str]
    ) -> SplitResult:
        """Return the parts of a URL with one of ``schemes``."""
        try:
            parts = urlsplit(self.text(name, default))
            _ = parts.port
        except ValueError:
            # The reason may quote a password that stands where a port should.
            raise BadSetting(name, "is not a URL") from None
        if parts.scheme not in schemes:
            raise BadSetting(name, f"must be a URL that begins with {' or '.join(schemes)}://")
        if not (parts.netloc or parts.path):
            raise BadSetting(name, "names no host")
        return parts

    def color(self, name: str, default: str) -> str:
        """Return a colour such as #0f6b60, which is legible on white and carries white text."""
        problem = "must be a colour such as #0f6b60, with a contrast of 4.5 to white pages"
        return self._parsed(name, default, parse_color, problem)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a JSON object; empty if unset."""
        value: Any = self._parsed(name, {}, json.loads, "must be a JSON object")
        if not isinstance(value, dict):
            raise BadSetting(name, "must be a JSON object")
        return value

    def _parsed(self, name: str, default: T, parse: Callable[[str], T], problem: str) -> T:
        value = self._read(name)
        try:
            return default if value is None else parse(value)
        except (KeyError, ValueError):
            raise BadSetting(name, problem.format(value)) from None

    def _read(self, name: str) -> str | None:
        self._values[name] = value = self._read_variable(name)
        return value

    def _read_variable(self, name: str) -> str | None:
        path = self.variables.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text(encoding="utf-8").strip() or None
            except OSError as error:
                raise BadSetting(f"{name}_FILE", f"cannot be read: {error.strerror}") from None
        return self.variables.get(name, "").strip() or None
