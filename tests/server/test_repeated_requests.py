"""Repeated requests to a real worker, however they are framed."""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

import pytest
from django.db import connection

from core.versions.models import VersionPart
from tests.server.servers import Server, serving
from tests.server.streams import read_all
from tests.support.client import JSON
from tests.support.factories import make_token
from tests.support.repeats import WARMING
from tests.support.service_processes import environ_of_tests
from users.accounts.models import Profile, User

pytestmark = pytest.mark.django_db(transaction=True)

ME: Final = "{ me { username profile { bio } } }"
ID: Final = "{ me { id } }"


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    with serving("--threads 1", **environ_of_tests()) as server:
        yield server


def body(query: str) -> bytes:
    return json.dumps({"query": query}).encode()


def chunked(content: bytes, size: int) -> bytes:
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


def ask(
    server: Server, *lines: str, content: bytes = b"", method: str = "POST"
) -> tuple[int, bytes]:
    """Send a request with these header lines on a connection of its own."""
    target = f"/graphql?query={quote(ME)}" if method == "GET" else "/graphql"
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "Connection: close", "", ""])
    stream = server.connect().sock
    stream.sendall(head.encode("latin-1") + content)
    answer = read_all(stream)
    first, _break, sent = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), sent


def last_statements() -> str:
    """Return the last statement of each other connection."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return "\n\n".join(query for (query,) in cursor.fetchall())


def is_repeat() -> bool:
    """Return whether the last request read its session and the version in one statement."""
    tables = ("authentication_session", VersionPart._meta.db_table)
    return any(all(table in each for table in tables) for each in last_statements().split("\n\n"))


def test_requests_are_repeated_however_they_are_framed(server: Server, alice: User) -> None:
    own = ("Host: localhost", f"Authorization: Bearer {make_token(alice)}")
    json_ = (*own, f"Content-Type: {JSON}")
    me, id_ = body(ME), body(ID)
    framings = {
        "length": ((*json_, f"Content-Length: {len(me)}"), me),
        "chunked": ((*json_, "Transfer-Encoding: chunked"), chunked(me, 7)),
        "duplicate headers": (
            (*json_, f"Content-Length: {len(me)}", "Accept: text/x", f"Accept: {JSON}", "X: \xe9"),
            me,
        ),
    }
    for bio in ("one", "two"):
        Profile.objects.update(bio=bio)
        data = {"me": {"username": "alice", "profile": {"bio": bio}}}
        expected = (200, json.dumps({"data": data}, separators=(",", ":")).encode())
        for name, (lines, content) in framings.items():
            for _time in range(WARMING):
                assert ask(server, *lines, content=content) == expected, name
            assert is_repeat(), name
        for _time in range(WARMING):
            assert ask(server, *own, method="GET") == expected
        assert is_repeat()
        # Equal but for the chunks' data.
        status, found = ask(server, *json_, "Transfer-Encoding: chunked", content=chunked(id_, 7))
        assert (status, [*json.loads(found)["data"]["me"]]) == (200, ["id"])
        assert not is_repeat()


def test_odd_requests_are_answered(server: Server, alice: User) -> None:
    own = ("Host: localhost", f"Authorization: Bearer {make_token(alice)}")
    json_ = (*own, f"Content-Type: {JSON}")
    me = body(ME)
    form = "Content-Type: multipart/form-data; boundary=x"
    part = (
        b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n' + me + b"\r\n--x--\r\n"
    )
    found = {}
    for _time in range(2):
        for name, lines, content in (
            ("no length", json_, b""),
            ("length 0", (*json_, "Content-Length: 0"), b""),
            ("negative", (*json_, "Content-Length: -1"), me),
            ("no number", (*json_, "Content-Length: x"), me),
            ("two lengths", (*json_, "Content-Length: 1", "Content-Length: 2"), me),
            ("two credentials", (*json_, own[1], f"Content-Length: {len(me)}"), me),
            ("form", (*own, form, f"Content-Length: {len(part)}"), part),
            ("chunked form", (*own, form, "Transfer-Encoding: chunked"), chunked(part, 9)),
            (
                "latin",
                (*json_, f"Content-Length: {len(me)}", "Cookie: \xe9=\xff; x", "X-\xe9: 1"),
                me,
            ),
            ("cookie", (*json_, f"Content-Length: {len(me)}", "Cookie: \xe9=\xff; x"), me),
        ):
            found[name] = ask(server, *lines, content=content)[0]
    assert {name for name, status in found.items() if status >= 500} == set(), found
    assert found["cookie"] == 200
    assert found["two credentials"] == found["no length"] == 400
