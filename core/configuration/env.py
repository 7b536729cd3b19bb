"""Typed access to environment variables.

An invalid or missing value ends the process with one line that names the variable, because a
traceback from a settings module does not help an operator.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from core.colors import parse_color
from core.names import INVISIBLE
from core.rfc3339 import parse_day

REQUIRED: Final = object()
FLAGS: Final = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
HTTP_SCHEMES: Final = ("http", "https")
# A host in the form of browsers: names in A-labels, or an IPv6 address.
HOST: Final = r"[a-z0-9._-]+|\[[0-9a-f:.]+\]"
HOST_AND_PORT: Final = re.compile(rf"({HOST})(:[0-9]+)?", re.ASCII | re.IGNORECASE)
# C0, C1, line and paragraph separators, and surrogates, which break headers and log lines.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

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
        """Return the variable, on one line, or ``default`` when it is unset or empty."""
        value = self._read(name)
        if value is None:
            if default is REQUIRED:
                raise BadSetting(name, "is required; see docs/configuration.md")
            return str(default)
        if len(value) < min_length:
            raise BadSetting(name, f"must have at least {min_length} characters")
        return _require_line(name, value)

    def display_text(self, name: str, default: str) -> str:
        """Return text that people see, without invisible characters such as directions."""
        value = self.text(name, default)
        if INVISIBLE.search(value):
            raise BadSetting(name, "must have no invisible characters")
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
        value = self._read(name)
        if value is None and default is not REQUIRED:
            return list(default)
        items = map(str.strip, (value or self.text(name)).split(","))
        return [_require_line(name, item) for item in items if item]

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

    def page_url(self, name: str, default: Any = REQUIRED) -> str:
        """Return an HTTP URL that pages and mails have: its credentials would be public."""
        parts = self.split_url(name, default, schemes=HTTP_SCHEMES)
        if "@" in parts.netloc:
            raise BadSetting(name, "must have no credentials")
        return self.text(name, default)

    def optional_page_url(self, name: str) -> str:
        """Return a URL as `page_url` does; empty if unset."""
        return self.page_url(name) if self._read(name) else ""

    def split_url(
        self, name: str, default: Any = REQUIRED, *, schemes: Collection[str]
    ) -> SplitResult:
        """Return the parts of a URL with one of ``schemes``.

        An HTTP URL has a host in the form of browsers. No problem quotes the URL, which may have a
        password.
        """
        value = self.text(name, default)
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise BadSetting(name, "is not a URL") from None
        if parts.scheme not in schemes or not value.lower().startswith(f"{parts.scheme}://"):
            raise BadSetting(name, f"must be a URL that begins with {' or '.join(schemes)}://")
        if not value.isprintable() or " " in value:
            raise BadSetting(name, "must have no white space or invisible characters")
        is_http = parts.scheme in HTTP_SCHEMES
        if not (parts.netloc or (parts.path and not is_http)):
            raise BadSetting(name, "names no host")
        if is_http and not HOST_AND_PORT.fullmatch(parts.netloc.rpartition("@")[2]):
            raise BadSetting(name, "must have a host of letters, digits, - and ., in ASCII (xn--…)")
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


def _require_line(name: str, value: str) -> str:
    if CONTROL.search(value):
        raise BadSetting(name, "must be one line without control characters")
    return value
