"""Environment variables that map to Django settings: servers, sign-up and origins."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.core.exceptions import ValidationError
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from core.cache.serializers import BytesSerde, JSONSerde
from core.configuration.env import HOST, REQUIRED, BadSetting
from core.configuration.mail import MailEnvironment
from core.email.addresses import canonical_domain

DATABASE_SEPARATOR: Final = re.compile(r",?\s*,?(?=postgres(?:ql)?://)")
CACHE_SCHEMES: Final = ("redis", "rediss", "unix", "memcached")
# Seconds for a connection attempt, and for each read.
SHARED_CACHE_TIMEOUT: Final = 0.1
# libpq's time-outs, which the parameters of a URL replace. A host that vanished without closing its
# connections (power, network) is noticed within 5 seconds: by `tcp_user_timeout` (milliseconds) if
# it was sent something, else by 2 seconds of silence and three probes without a reply.
DATABASE_TIMEOUTS: Final = {
    "connect_timeout": 3,
    "tcp_user_timeout": 5_000,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
}
POSTGRES_PREFIXES: Final = ("postgres://", "postgresql://")
SIGN_UP_MODES: Final = ("open", "invitation", "closed")
# An origin in the form of browsers, besides a default port (Fetch, RFC 6454).
ORIGIN: Final = re.compile(rf"https?://({HOST})(:[0-9]+)?", re.ASCII)
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
# Hosts of the browser's own machine, to which HTTP is as secure as HTTPS.
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1")
# Session parameters of every connection of the service, besides `statement_timeout`.
SESSION_PARAMETERS: Final = {
    # On SSDs, random reads cost little more than sequential ones.
    "random_page_cost": "1.1",
    # Sequential scans start at the first page, so that a LIMIT returns the same rows each time.
    "synchronize_seqscans": "off",
    # Executions of a prepared statement differ in ids, keys and positions only, so one generic plan
    # serves them all. By default PostgreSQL compares costs, estimates ten keys for an array and
    # replans for fewer, which takes longer than reading the rows.
    "plan_cache_mode": "force_generic_plan",
}


def redis_broker(url: str) -> str:
    """Return a Redis URL in Celery's form, which differs for Unix sockets."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.path}?virtual_host={database}"


def libpq_options(parameters: Mapping[str, str]) -> str:
    """Return session parameters in the form of libpq's `options`."""
    return " ".join(f"-c {name}={value}" for name, value in parameters.items())


def _memcached(parts: SplitResult, timeout: float, **options: Any) -> dict[str, Any]:
    """Return Django's settings of a Memcached server; ``timeout`` is in seconds."""
    return {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": parts.netloc,
        "OPTIONS": {"connect_timeout": timeout, "timeout": timeout, **options},
    }


AUDIT_STREAM_SCHEMES: Final = ("file", "syslog+tcp", "syslog+tls", "http", "https")


class ServiceEnvironment(MailEnvironment):
    """Reads URLs into Django's settings for databases, caches and mail."""

    def database(self, name: str, default: Any = REQUIRED) -> dict[str, Any]:
        """Return Django's database settings for a libpq URL, which may name several hosts."""
        # Not by `url`: several hosts with ports are no URL to Python, but are to libpq.
        value = self.text(name, default)
        if not value.startswith(POSTGRES_PREFIXES):
            raise BadSetting(
                name, f"must be a URL that begins with {' or '.join(POSTGRES_PREFIXES)}"
            )
        return self._database(name, value)

    def databases(self, name: str) -> list[dict[str, Any]]:
        """Return Django's settings for each of several libpq URLs; none if unset.

        A comma separates two URLs if one begins behind it, since a URL may have several hosts.
        """
        urls = [each for each in DATABASE_SEPARATOR.split(self._read(name) or "") if each]
        for each in urls:
            if not each.startswith(POSTGRES_PREFIXES):
                raise BadSetting(name, "must be URLs like postgresql://user:password@host/roster")
        # Another server is at hand.
        return [self._database(name, each, connect_timeout=2) for each in urls]

    @staticmethod
    def _database(name: str, value: str, **defaults: Any) -> dict[str, Any]:
        try:
            options: dict[str, Any] = dict(conninfo_to_dict(value))
        except ProgrammingError:
            # libpq's message may quote the password.
            problem = "is not a URL like postgresql://user:password@host:5432/roster"
            raise BadSetting(name, problem) from None
        if not options.get("dbname"):
            raise BadSetting(name, "names no database, as in postgresql://host/roster")
        return {
            "ENGINE": "core.database.backend",
            "NAME": options.pop("dbname"),
            "USER": options.pop("user", ""),
            "PASSWORD": options.pop("password", ""),
            "HOST": options.pop("host", ""),
            "PORT": options.pop("port", ""),
            "OPTIONS": DATABASE_TIMEOUTS | defaults | options,
        }

    def media_url(self, name: str) -> str:
        """Return the base URL of files, or its path on this host; empty if unset."""
        path = self.text(name, default="")
        is_path = path.startswith("/") and not path.startswith("//") and path.isprintable()
        return path if is_path else self.optional_page_url(name)

    def audit_stream(self, name: str) -> str:
        """Return the URL of a target of the audit trail; empty if there is none."""
        url = self.optional_url(name, schemes=AUDIT_STREAM_SCHEMES)
        if not url:
            return ""
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise BadSetting(name, "must have no credentials; set AUDIT_STREAM_TOKEN")
        if (parts.scheme == "file") == bool(parts.hostname):
            raise BadSetting(name, "must be like file:///path, syslog+tls://host or https://host/")
        return url

    def _cache_url(self, name: str, default: str) -> SplitResult:
        """Return the parts of a URL that the client of its server accepts."""
        parts = self.split_url(name, default, schemes=CACHE_SCHEMES)
        if parts.fragment or (parts.scheme == "memcached" and not parts.hostname):
            raise BadSetting(name, "must be like redis://host:6379/0 or memcached://host:11211")
        if parts.scheme != "memcached":
            try:
                parse_url(self.text(name, default))  # type: ignore[no-untyped-call]
            except ValueError as error:
                raise BadSetting(name, f"is not a URL of Redis: {error}") from None
        return parts

    def cache(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's cache settings for a Redis, Unix socket or Memcached URL."""
        parts = self._cache_url(name, default)
        if parts.scheme == "memcached":
            return _memcached(parts, 0.2, serde=JSONSerde(), ignore_exc=True)
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": self.text(name, default),
            "OPTIONS": {
                "SERIALIZER": "core.cache.serializers.JSONSerializer",
                "SOCKET_CONNECT_TIMEOUT": 0.2,
                "SOCKET_TIMEOUT": 0.2,
                # By default redis-py retries with exponential backoff.
                "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 0)},
                "IGNORE_EXCEPTIONS": True,
            },
        }

    def shared_cache(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's cache settings for `core.cache.shared`, on the server of `cache`.

        Values are bytes, failures raise, and a call is given less time.
        """
        parts = self._cache_url(name, default)
        if parts.scheme == "memcached":
            # By default, a server that failed is a miss without a call, for a minute.
            asked_again = {"retry_attempts": 0, "dead_timeout": 0}
            return _memcached(parts, SHARED_CACHE_TIMEOUT, serde=BytesSerde(), **asked_again)
        url = self.text(name, default)
        # In the URL, because django-redis shares the connections, and so the time-outs, of aliases
        # with equal URLs. An operator's own time-outs come first, and apply.
        timeouts = (
            f"socket_timeout={SHARED_CACHE_TIMEOUT}&socket_connect_timeout={SHARED_CACHE_TIMEOUT}"
        )
        return {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"{url}{'&' if parts.query else '?'}{timeouts}",
            "OPTIONS": {"SERIALIZER": "core.cache.serializers.BytesSerializer"},
        }

    def sign_up(self, name: str) -> list[str]:
        """Return one of `SIGN_UP_MODES`, or canonical e-mail domains; open by default."""
        names = self.names(name, default=["open"])
        if len(names) == 1 and names[0].lower() in SIGN_UP_MODES:
            return [names[0].lower()]
        try:
            return [canonical_domain(domain) for domain in names]
        except ValidationError:
            problem = "must be open, invitation, closed or domains such as example.com"
            raise BadSetting(name, problem) from None

    def origins(self, name: str, *, plain_http: bool) -> list[str]:
        """Return the comma-separated origins, as browsers write them; none if unset.

        Without ``plain_http``, HTTP is for `LOCAL_HOSTS` only.
        """
        origins = [item.lower().removesuffix("/") for item in self.names(name, default=[])]
        return [self._origin(name, each, plain_http=plain_http) for each in origins]

    @staticmethod
    def _origin(name: str, origin: str, *, plain_http: bool) -> str:
        try:
            parts = urlsplit(origin)
            is_origin = ORIGIN.fullmatch(origin) and parts.port != 0
        except ValueError:
            is_origin = False
        if not is_origin:
            problem = "without *, path, query or credentials"
            raise BadSetting(name, f"must be origins like https://app.example.com, {problem}")
        if parts.scheme == "http" and not plain_http and parts.hostname not in LOCAL_HOSTS:
            raise BadSetting(name, f"must use https, except for {' and '.join(LOCAL_HOSTS)}")
        return origin.removesuffix(DEFAULT_PORTS[parts.scheme])
