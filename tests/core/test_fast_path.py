"""The fast path and Django's handler return the same responses."""

import io
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Final

import pytest
from django.conf import settings as current
from django.core import signals
from django.core.cache import cache, close_caches
from django.core.handlers.base import reset_urlconf
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections, connection, reset_queries, transaction
from django.test import override_settings

from core.request_id import unbind_request_id
from core.security.crypto import digest
from core.web import fast_path
from core.web.fast_path import FastPath
from core.web.request import Reply
from schema.console.documents import CONSOLE_DOCUMENT_IDS
from schema.documents.budget import CLIENTS
from schema.trusted.identifiers import digest_of
from tests.support.client import JSON
from tests.support.factories import PASSWORD, make_api_token, make_session, make_token
from tests.support.persisted import apq
from users.accounts.models import User

SEED: Final = 20_261_129

Environ = dict[str, Any]
Response = tuple[str, list[tuple[str, str]], bytes]

ALLOWED: Final = "https://app.example"
GRAPHQL_JSON: Final = "application/graphql-response+json"
FORM: Final = "multipart/form-data; boundary=x"
UPLOAD: Final = (
    "mutation ($image: Upload!) { setAvatar(input: {image: $image}) { errors { code } } }"
)
UPLOADED: Final = (
    '--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'
    + json.dumps({"query": UPLOAD, "variables": {"image": None}})
    + '\r\n--x\r\nContent-Disposition: form-data; name="map"\r\n\r\n{"0": ["variables.image"]}'
    '\r\n--x\r\nContent-Disposition: form-data; name="0"; filename="a.png"\r\n\r\nno image'
    "\r\n--x--\r\n"
).encode()
LOG_IN: Final = """
    mutation ($password: String!) {
      logIn(input: {login: "alice", password: $password, transport: COOKIE}) { errors { code } }
    }
"""
# Values that differ between responses on either path: secrets, expiry dates of cookies, and
# generated request ids.
RANDOM: Final = re.compile(r"(?<==)[\w-]{20,}|(?<=expires=)[^;]*|^[0-9a-f]{32}$")
EVERYWHERE: Final = {"200", "400", "401", "403", "404", "405", "406", "413", "415", "429", "503"}
# The probability of the usual value, high so that most requests pass the first checks.
USUAL: Final = 0.7


# One draw in ten may change a setting.
FEW: Final = (1,) * 9 + (None,)


def body(query: Any, **parameters: Any) -> bytes:
    return json.dumps({"query": query, **parameters}).encode()


BODIES: Final[Sequence[bytes]] = (
    body("{ me { id username } }"),
    body("{ __typename }"),
    body("{ users(first: 3) { totalCount { value } edges { node { username email } } } }"),
    body("query ($id: ID!) { user(id: $id) { username } }", variables={"id": "VXNlcjox"}),
    body("query A { me { id } } query B { __typename }", operationName="B"),
    body("query A { me { id } } query B { __typename }"),
    body("{ __schema { queryType { name } } }"),
    body("{ nothing }"),
    body("{"),
    body(f"{{ {'a: __typename ' * 200} }}"),
    body("subscription { __typename }"),
    body(LOG_IN, variables={"password": PASSWORD}),
    body(LOG_IN, variables={"password": "not the password"}),
    body("mutation { logOut { errors { code } } }"),
    body('mutation { updateProfile(input: {bio: "x"}) { errors { code } } }'),
    body('mutation { updateProfile(input: {bio: null, name: "\\u0000"}) { errors { code } } }'),
    body("{ me { id } }", variables=[]),
    body(None, documentId="unknown"),
    body(None, documentId=CONSOLE_DOCUMENT_IDS["Identity"]),
    body("{ me { id } }", documentId="unknown"),
    body(None, extensions=apq(digest_of("{ me { id } }"))),
    body("{ me { id } }", extensions=apq(digest_of("{ me { id } }"))),
    body("{ me { id } }", extensions=apq("wrong")),
    body(None),
    b"[]",
    b"{",
    b"",
    b"\xff",
    b" " * 70_000 + body("{ __typename }"),
    b" " * 3_000_000,
    UPLOADED,
)
VALUES: Final[Mapping[str, Sequence[str | None]]] = {
    "REQUEST_METHOD": ("POST", "GET", "PUT", "OPTIONS", "HEAD", "DELETE"),
    "PATH_INFO": ("/graphql", "/graphql/", "//graphql", "/graphql\xe9", "/.well-known/jwks.json"),
    "QUERY_STRING": (
        "",
        "query={__typename}",
        "variables={",
        f"documentId={CONSOLE_DOCUMENT_IDS['Identity']}",
        "extensions={}",
    ),
    "SCRIPT_NAME": ("", "/prefix"),
    "CONTENT_TYPE": (
        JSON,
        f"{JSON}; charset=utf-8",
        f"{JSON}; charset=latin-1",
        f"{JSON}; charset=",
        FORM,
        "multipart/form-data",
        "text/plain",
        "",
        None,
    ),
    "CONTENT_LENGTH": ("right", "0", "7", "99999999", "", None),
    "HTTP_ACCEPT": (
        JSON,
        GRAPHQL_JSON,
        f"{GRAPHQL_JSON}, {JSON};q=0.5",
        "*/*",
        "text/html",
        "text/html, */*;q=0.1",
        f"{JSON};q=0",
        "",
        "nonsense",
        None,
    ),
    "HTTP_ACCEPT_LANGUAGE": (None, "de", "de-AT, en;q=0.5", "xx", "de," * 300, "d" * 600, "*"),
    "HTTP_HOST": ("testserver", "localhost:80", "evil.example", "testserver:x", "", "[::1]", None),
    "HTTP_X_FORWARDED_FOR": (None, "192.0.2.1", "2001:db8::1, 192.0.2.1", "x", ","),
    "HTTP_X_FORWARDED_PROTO": (None, "https", "http"),
    "HTTP_X_FORWARDED_HOST": (None, "evil.example"),
    "HTTP_X_REQUEST_ID": ("0123456789abcdef", None, "x", "a\nb"),
    "HTTP_USER_AGENT": (None, "Firefox", "x" * 1_000),
    "HTTP_ORIGIN": (None, ALLOWED, "https://evil.example", "http://testserver", "null", "\xe9"),
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": (None, "POST"),
    "HTTP_GRAPHQL_REQUIRE_PREFLIGHT": ("1", None),
    "wsgi.url_scheme": ("http", "https"),
    "REMOTE_ADDR": ("127.0.0.1", "2001:db8::2", ""),
}
SETTINGS: Final[Mapping[str, Sequence[Any]]] = {
    "CORS_ALLOWED_ORIGINS": ([ALLOWED], []),
    "SECURE_HSTS_SECONDS": (0, 60),
    "TRUSTED_PROXIES": (0, 1, 2),
    "GRAPHQL_ENGINE": (True, False),
    "GRAPHQL_MAX_RESPONSE_BYTES": (4_000_000, 50),
    "GRAPHQL_POINTS_PER_MINUTE": (1_000, 1),
    "DOCUMENTS": ("any", "trusted"),
    "ANONYMOUS_DOCUMENTS": ("any", "trusted"),
    "INTROSPECTION": ("all", "signed-in"),
    "REQUEST_DEADLINE": (60.0, 0.0),
}


@pytest.fixture
def keeps_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the connection open, which holds the test's transaction."""
    monkeypatch.setattr(fast_path, "close_old_connections", lambda: None)
    senders = (signals.request_started, signals.request_finished)
    for each in senders:
        each.disconnect(close_old_connections)
    yield
    for each in senders:
        each.connect(close_old_connections)


@pytest.fixture
def credentials(alice: User, root: User, settings: Any) -> list[dict[str, str]]:
    """Return credentials of each kind, and invalid ones."""
    session = make_session(alice)
    session.cookie_digest = digest("secret")
    session.save()
    cookie = f"{settings.SESSION_COOKIE}=secret"
    tokens = [
        make_token(alice),
        make_token(root),
        make_api_token(alice, "profile:read"),
        make_api_token(alice, "users:read"),
        make_api_token(alice, "users:read", days=-1),
        "x.y.z",
        "\xe9",
        "",
    ]
    return [
        {},
        *({"HTTP_AUTHORIZATION": f"Bearer {token}"} for token in tokens),
        {"HTTP_AUTHORIZATION": f"bearer  {tokens[0]}"},
        {"HTTP_AUTHORIZATION": "Basic YTpi", "HTTP_COOKIE": cookie},
        {"HTTP_COOKIE": cookie},
        {"HTTP_COOKIE": f"{cookie}; django_language=de; {settings.DEVICE_COOKIE}=x"},
        {"HTTP_COOKIE": cookie, "HTTP_ORIGIN": "http://testserver"},
        {"HTTP_COOKIE": cookie, "HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_COOKIE": cookie, "HTTP_ORIGIN": "null"},
        {"HTTP_COOKIE": "=;=; \xe9"},
    ]


def drawn(rng: random.Random, credentials: Sequence[dict[str, str]]) -> tuple[Environ, bytes]:
    """Draw a request, most of whose parts are usual."""
    sent = rng.choice(BODIES)
    environ: Environ = {}
    for name, values in VALUES.items():
        value = values[0] if rng.random() < USUAL else rng.choice(values)
        if value is not None:
            environ[name] = value
    if sent == UPLOADED:
        environ["CONTENT_TYPE"] = FORM
    if environ.get("CONTENT_LENGTH") == "right":
        environ["CONTENT_LENGTH"] = str(len(sent))
    return environ | rng.choice(credentials), sent


def ask(application: Any, environ: Environ, sent: bytes) -> Response:
    """Return a WSGI application's response, and roll back its changes."""
    CLIENTS.clear()
    cache.clear()
    started: list[tuple[str, list[tuple[str, str]]]] = []
    fixed = {
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    before = transaction.savepoint() if connection.in_atomic_block else None
    # Repeat the request to exceed a limit of one point per minute.
    for _time in range(2 if current.GRAPHQL_POINTS_PER_MINUTE == 1 else 1):
        fixed["wsgi.input"] = io.BytesIO(sent)
        result = application(
            fixed | environ, lambda status, headers, _error=None: started.append((status, headers))
        )
        content = b"".join(result)
        getattr(result, "close", lambda: None)()
    if before:
        transaction.savepoint_rollback(before)
        transaction.set_rollback(False)
    status, headers = started[-1]
    return status, sorted((name, RANDOM.sub("…", value)) for name, value in headers), content


@pytest.mark.usefixtures("keeps_connection")
@pytest.mark.parametrize(("redirects", "draws"), [(False, 1_000), (True, 100)])
def test_both_paths_return_the_same_responses(
    redirects: bool,  # noqa: FBT001 - a parameter of pytest's
    draws: int,
    credentials: list[dict[str, str]],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = redirects
    taken = []
    answer = fast_path.answer

    def counted(request: WSGIRequest) -> Reply:
        taken.append(request.path)
        return answer(request)

    monkeypatch.setattr(fast_path, "answer", counted)
    rng = random.Random(SEED)  # noqa: S311 - not a secret
    django = WSGIHandler()
    paths = FastPath(django), django
    statuses: Counter[str] = Counter()
    for _number in range(draws):
        chosen = {name: rng.choice(values[: rng.choice(FEW)]) for name, values in SETTINGS.items()}
        environ, sent = drawn(rng, credentials)
        with override_settings(**chosen):
            fast, slow = (ask(path, environ, sent) for path in paths)
        assert fast == slow, (environ, sent[:200])
        statuses[fast[0][:3]] += 1
    # The draws cover all statuses, and both paths were taken.
    assert statuses["301"] > draws / 10 if redirects else {*statuses} >= EVERYWHERE
    assert draws / 20 < len(taken) < draws


@pytest.mark.usefixtures("keeps_connection")
def test_both_paths_set_the_same_cookies(alice: User) -> None:
    sent = body(LOG_IN, variables={"password": PASSWORD})
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/graphql",
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": str(len(sent)),
        "HTTP_HOST": "testserver",
        "QUERY_STRING": "",
    }
    django = WSGIHandler()
    fast, slow = (ask(path, environ, sent) for path in (FastPath(django), django))
    assert fast == slow
    assert [name for name, _value in fast[1]].count("Set-Cookie") == 2


@pytest.mark.usefixtures("keeps_connection")
def test_both_paths_log_errors_alike(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("of ours")

    django = WSGIHandler()
    logged = []
    for failing in (False, True):
        if failing:
            monkeypatch.setattr("users.authentication.sessions.middleware.client_address", fail)
        for path in (FastPath(django), django):
            caplog.clear()
            environ = {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": "/graphql",
                "HTTP_HOST": "testserver",
                "HTTP_ACCEPT": "text/html",
            }
            ask(path, environ, b"")
            logged.append(
                [
                    (record.name, record.levelname, record.getMessage(), bool(record.exc_info))
                    for record in caplog.records
                ]
            )
    assert (
        logged[0] == logged[1] == [("django.request", "WARNING", "Not Acceptable: /graphql", False)]
    )
    assert (
        logged[2]
        == logged[3]
        == [("django.request", "ERROR", "Internal Server Error: /graphql", True)]
    )


@pytest.mark.django_db(transaction=True)
def test_expired_connections_are_closed(settings: Any) -> None:
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/graphql", "HTTP_HOST": "testserver"}
    used = []
    for application in (FastPath(WSGIHandler()), WSGIHandler()):
        connection.ensure_connection()
        connection.close_at = monotonic()
        before = connection.connection
        ask(application, environ, b"")
        used.append(connection.connection is before)
    assert used == [False, False]


@pytest.mark.django_db(transaction=True)
def test_connection_is_checked_after_an_error_and_an_idle_loss() -> None:
    """A usable connection after an error counts as checked, which must end with its request."""
    sent = body("{ __typename }")
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/graphql",
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": str(len(sent)),
        "HTTP_HOST": "testserver",
        "HTTP_COOKIE": f"{current.SESSION_COOKIE}=secret",
    }
    statuses = []
    for application in (FastPath(WSGIHandler()), WSGIHandler()):
        connection.ensure_connection()
        connection.errors_occurred = True
        ask(application, environ, sent)
        connection.connection.close()
        statuses.append(ask(application, environ, sent)[0])
    assert statuses == ["200 OK", "200 OK"]


def test_all_signal_receivers_are_known() -> None:
    """The fast path sends no signals; it does the work of their receivers itself."""
    started = {receiver() for _key, receiver, *_rest in signals.request_started.receivers}
    finished = {receiver() for _key, receiver, *_rest in signals.request_finished.receivers}
    assert started <= {reset_queries, close_old_connections}
    assert finished <= {close_old_connections, close_caches, reset_urlconf, unbind_request_id}
