"""An invalid environment variable ends the process with one line that names it."""

import json
import multiprocessing
import os
import runpy
import subprocess
import sys
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from redis.connection import parse_url

from core.configuration.env import BadSetting, Environment
from core.configuration.services import DATABASE_TIMEOUTS, ServiceEnvironment, redis_broker

FIREBASE = {
    "base64_signer_key": "A" * 43 + "=",
    "base64_salt_separator": "Bw==",
    "rounds": 8,
    "mem_cost": 14,
}
REQUIRED = {
    "SECRET_KEY": "x" * 50,
    "DATABASE_URL": "postgresql://localhost/roster",
    "ALLOWED_HOSTS": "roster.example",
}
COMMAND = ("manage.py", "check")


def environ_with(variables: dict[str, str]) -> dict[str, str]:
    environ = {"PATH": os.environ["PATH"], **REQUIRED, **variables}
    return {name: value for name, value in environ.items() if value}


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a new process, with these variables only."""
    return subprocess.run(
        [sys.executable, *COMMAND],
        env=environ_with(variables),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    """Return the context of processes that are forked from one with the libraries imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "django.core.management"])
    return context


def run(variables: dict[str, str], output: Path, errors: Path) -> None:
    """Run `COMMAND` in this process, with these variables only."""
    environ = environ_with(variables)
    os.environ.clear()
    os.environ.update(environ)
    for number, path in ((1, output), (2, errors)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.argv = [*COMMAND]
    runpy.run_path(COMMAND[0], run_name="__main__")


def test_three_variables_suffice() -> None:
    assert start().returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SECRET_KEY", "", "is required"),
        ("DATABASE_URL", "", "is required"),
        ("ALLOWED_HOSTS", "", "is required"),
        ("SECRET_KEY", "short", "must have at least 32 characters"),
        ("DATABASE_URL", "mysql://localhost/roster", "must be a URL that begins with postgres"),
        ("DATABASE_URL", "postgresql://localhost", "names no database"),
        ("MIGRATION_DATABASE_URL", "roster_owner", "must be a URL that begins with postgres"),
        ("MIGRATION_DATABASE_URL", "postgresql://localhost/other", "must name the same database"),
        ("MIGRATION_DATABASE_URL", "postgresql://o@localhost/roster", "names a user"),
        ("REDIS_URL", "localhost:6379", "must be a URL that begins with redis"),
        ("CACHE_URL", "file:///tmp", "must be a URL that begins with redis"),
        ("CACHE_URL", "memcached:///socket", "must be like redis://host:6379/0 or memcached://"),
        ("CACHE_URL", "redis://host/0#x", "must be like redis://host:6379/0 or memcached://"),
        ("CACHE_URL", "redis://host?socket_timeout=x", "is not a URL of Redis: Invalid value"),
        ("CELERY_BROKER_URL", "sqs://", "must be a URL that begins with redis"),
        ("EMAIL_URL", "smtp://", "names no host"),
        ("EMAIL_URL", "sendgrid://KEY@", "must be a URL that begins with smtp or"),
        ("EMAIL_URL", "mailgun://KEY@", "must be like mailgun://KEY@mg.example.com"),
        ("EMAIL_URL", "postmark://TOKEN@?stream=x", "may have only api_url and message_stream in"),
        ("EMAIL_URL", "brevo://KEY@?api_url=ftp://x", "must have a URL as its api_url"),
        ("MAIL_WEBHOOK_SECRETS", "x" * 32, "is only for a provider in EMAIL_URL"),
        ("MAILS_PER_MINUTE", "-1", "must be between 0 and 1000000, not -1"),
        ("PUBLIC_URL", "roster.example", "must be a URL that begins with http"),
        ("PUBLIC_URL", "https://roster.example/accounts", "must have no path"),
        ("SERVICE_COLOR", "green", "must be a colour such as #0f6b60"),
        ("SERVICE_COLOR", "#6fcdbb", "must be a colour such as #0f6b60"),
        ("SERVICE_LOGO_URL", "/logo.png", "must be a URL that begins with http"),
        ("SERVICE_LOGO_URL", "https://x.example;script-src *", "must have no white space"),
        ("SERVICE_LOGO_URL", "https://x.example;script-src", "must have a host of letters"),
        ("SERVICE_LOGO_URL", "https://me@x.example/logo.png", "must have no credentials"),
        ("SERVICE_NAME", "Acme\nBcc: all@acme.example", "must be one line"),
        ("SERVICE_NAME", "Acme\u202eemcA", "must have no invisible characters"),
        ("MAIL_FROM", "Acme\u2066 <acme@acme.example>", "must have no invisible characters"),
        ("AUDIT_STREAM_TOKEN", "token\r\nHost: x", "must be one line"),
        ("ALLOWED_HOSTS", "roster.example, a\tb", "must be one line"),
        ("MEDIA_URL", "//x.example/", "must be a URL that begins with http or https://"),
        ("MEDIA_URL", "https://x.example;script-src/", "must have a host of letters"),
        ("PUBLIC_URL", "https://roster.example?x", "must have no path"),
        ("LINKS_URL", "https://roster.example/#a", "must have no query and no fragment"),
        ("BREACHED_PASSWORDS_URL", "breaches", "must be a URL that begins with http"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", "names no host"),
        ("SENTRY_DSN", "https://key@host:port/1", "is not a URL"),
        ("AUDIT_STREAM_URL", "ftp://host", "must be a URL that begins with file"),
        ("AFTER_LINK_URL", "javascript:alert(1)", "must be a URL that begins with http"),
        ("DEMO", "perhaps", "must be 1 or 0"),
        ("DEMO_PASSWORD", "something long enough", "is only for `make run`"),
        ("LOG_FORMAT", "xml", "must be one of console, json"),
        ("PASSWORD_MIN_LENGTH", "twelve", "must be a whole number, not 'twelve'"),
        ("PASSWORD_MIN_LENGTH", "4", "must be between 8 and 64, not 4"),
        ("SECRET_KEY_FILE", "/nowhere", "cannot be read"),
        ("FIREBASE_SCRYPT", "[]", "must be a JSON object"),
        ("FIREBASE_SCRYPT", '{"rounds": 8}', "must be a JSON object with base64_signer_key"),
        (
            "FIREBASE_SCRYPT",
            json.dumps(FIREBASE | {"mem_cost": 40}),
            "must be a JSON object with base64_signer_key",
        ),
        (
            "FIREBASE_SCRYPT",
            json.dumps(FIREBASE | {"base64_signer_key": "short"}),
            "must be a JSON object with base64_signer_key",
        ),
        ("ALLOWED_ORIGINS", "*", "must be origins like https://app.example.com, without *"),
        ("ALLOWED_ORIGINS", "https://app.example, http://app.example", "must use https, except"),
        ("DATABASE_REPLICA_MAX_LAG_MS", "300001", "must be between 500 and 300000"),
        ("REQUEST_DEADLINE_MS", "5000", "must be more than STATEMENT_TIMEOUT_MS"),
    ],
)
def test_invalid_value_is_reported_in_one_line(
    forks: ForkServerContext, tmp_path: Path, name: str, value: str, problem: str
) -> None:
    output, errors = tmp_path / "output", tmp_path / "errors"
    process = forks.Process(target=run, args=({name: value}, output, errors))
    process.start()
    process.join()

    assert process.exitcode == 1
    assert output.read_text() == ""
    (line,) = errors.read_text().splitlines()
    assert line.startswith(f"{name}: {problem}")


def test_invalid_database_url_does_not_reveal_its_password() -> None:
    result = start(DATABASE_URL="postgresql://u:hunter2@[::1/roster")

    assert result.returncode == 1
    assert "hunter2" not in result.stderr


HTTP = ("http", "https")


@pytest.mark.parametrize(
    "url",
    [
        *("https:x.example", "https:/x.example", "https:///x", "https://", "https://:443"),
        *(
            "https://e x/",
            "https://x.example/a b",
            "https://x.example/\u00a0x",
            "https://x\n.example",
        ),
        *("https://x.example/\u202e", "https://x.example;x", "https://x.example,x", "https://*"),
        *("https://x.example:", "https://x.example:99999", "https://b\u00fccher.example"),
        *("https://me:hunter2@", "https://me:hunter2@x.example;x", "redis:x", "redis://x y"),
    ],
)
def test_urls_are_strict(url: str) -> None:
    with pytest.raises(BadSetting, match="URL: ") as raised:
        Environment({"URL": url}).url("URL", schemes=(*HTTP, "redis"))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost:8000", "HTTPS://X.Example/a;b?c=d#e", "https://xn--bcher-kva.example/"),
        *("http://otel_collector:4318", "https://[::1]:8443/", "https://key@sentry.example/1"),
        *("redis://:p;w@cache:6379/2", "redis:///0", "unix:///run/redis.sock?db=3"),
    ],
)
def test_valid_urls_are_unchanged(url: str) -> None:
    assert Environment({"URL": url}).url("URL", schemes=(*HTTP, "redis", "unix")) == url


@pytest.mark.parametrize("url", ["", "/media/", "https://media.example/files/"])
def test_files_are_at_a_url_or_a_path(url: str) -> None:
    assert ServiceEnvironment({"MEDIA_URL": url}).media_url("MEDIA_URL") == url


def test_secrets_are_read_from_files(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from a file\n", encoding="utf-8")

    assert Environment({"KEY_FILE": str(file)}).text("KEY") == "from a file"


def test_database_urls_name_sockets_or_hosts() -> None:
    env = ServiceEnvironment(
        {
            "SOCKET": "postgresql://me@/roster?host=%2Frun%2Fpg",
            "HOST": "postgres://me:p%40ss@db:6432/roster?sslmode=require",
        }
    )

    socket, host = env.database("SOCKET"), env.database("HOST")

    assert (socket["HOST"], socket["NAME"], socket["USER"]) == ("/run/pg", "roster", "me")
    assert (host["HOST"], host["PORT"], host["PASSWORD"]) == ("db", "6432", "p@ss")
    assert host["OPTIONS"] == DATABASE_TIMEOUTS | {"sslmode": "require"}


def test_database_urls_name_several_hosts() -> None:
    url = "postgresql://me:secret@one:5433,two:5434/roster?target_session_attrs=read-write"

    database = ServiceEnvironment({"SEVERAL": url}).database("SEVERAL")

    assert (database["HOST"], database["PORT"]) == ("one,two", "5433,5434")
    assert database["OPTIONS"]["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    ("url", "broker_url"),
    [
        ("redis://cache:6379/2", "redis://cache:6379/2"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=0"),
        ("unix:///run/redis.sock?db=3", "redis+socket:///run/redis.sock?virtual_host=3"),
    ],
)
def test_broker_url_defaults_to_redis_url(url: str, broker_url: str) -> None:
    assert redis_broker(url) == broker_url


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (
            "rediss://me:p%2C%40@cache:6380/2",
            "rediss://me:p%2C%40@cache:6380/2?socket_timeout=0.1&socket_connect_timeout=0.1",
        ),
        (
            "unix:///redis.sock?socket_timeout=5",
            "unix:///redis.sock?socket_timeout=5&socket_timeout=0.1&socket_connect_timeout=0.1",
        ),
    ],
)
def test_shared_cache_has_shorter_timeouts_except_an_operators(url: str, location: str) -> None:
    settings = ServiceEnvironment({"CACHE_URL": url}).shared_cache("CACHE_URL", "")

    assert settings["LOCATION"] == location
    options = parse_url(location)  # type: ignore[no-untyped-call]
    assert options["socket_timeout"] == (5 if "=5" in url else 0.1)
    assert options["socket_connect_timeout"] == 0.1


def test_digest_depends_on_the_values_that_were_read() -> None:
    def digest(**variables: str) -> bytes:
        env = Environment(variables)
        env.text("NAME", default="")
        return env.digest()

    assert digest(NAME="a") == digest(NAME="a", PORT="1")
    assert len({digest(), digest(NAME="a"), digest(NAME="b")}) == 3


@pytest.mark.parametrize("value", ["2", "ja"])
def test_flags_are_yes_or_no(value: str) -> None:
    with pytest.raises(BadSetting, match="FLAG: must be 1 or 0"):
        Environment({"FLAG": value}).flag("FLAG", default=False)


@pytest.mark.parametrize(
    "value",
    [
        *("*", "null", "app.example", "//app.example", "ftp://app.example", "file://", "https://"),
        *("https://*.app.example", "https://app.example/path", "https://app.example//"),
        *("https://app.example?x", "https://app.example#x", "https://me:hunter2@app.example"),
        *("https://app.example:0", "https://app.example:65536", "https://app.example:x"),
        *("https://[::1", "https://äpp.example", "https://app.example, https://a.example/x"),
    ],
)
def test_origins_are_exact(value: str) -> None:
    with pytest.raises(BadSetting, match="ORIGINS: must be origins like") as raised:
        ServiceEnvironment({"ORIGINS": value}).origins("ORIGINS", plain_http=True)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("", []),
        ("https://app.example/", ["https://app.example"]),
        (
            "HTTPS://App.Example:443, https://[::1]:8443",
            ["https://app.example", "https://[::1]:8443"],
        ),
        (
            "http://localhost:3000/,http://127.0.0.1:80",
            ["http://localhost:3000", "http://127.0.0.1"],
        ),
        ("https://app.example:80", ["https://app.example:80"]),
    ],
)
def test_origins_are_written_as_browsers_send_them(value: str, origins: list[str]) -> None:
    assert ServiceEnvironment({"ORIGINS": value}).origins("ORIGINS", plain_http=False) == origins


@pytest.mark.parametrize("host", ["app.example", "localhost.example", "127.0.0.10", "[::1]"])
def test_origins_with_plain_http_are_local(host: str) -> None:
    env = ServiceEnvironment({"ORIGINS": f"http://{host}"})
    with pytest.raises(BadSetting, match="must use https, except for localhost"):
        env.origins("ORIGINS", plain_http=False)
    assert env.origins("ORIGINS", plain_http=True) == [f"http://{host}"]


def test_lease_shorter_than_a_task_warns() -> None:
    result = start(OUTBOX_LEASE_SECONDS="50")

    assert result.returncode == 0
    assert "roster.W001" in result.stderr
