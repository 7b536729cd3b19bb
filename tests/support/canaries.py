"""Search for canaries, unique personal data of a test user, in all stores."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection
from redis import Redis

EMAIL, FORMER_EMAIL, NEXT_EMAIL, FURTHER_EMAIL, REMOVED_EMAIL, WAITING_EMAIL = EMAILS = tuple(
    f"canary-{name}@aviary-{name}.example"
    for name in ("present", "former", "next", "further", "removed", "waiting")
)
USERNAME, FORMER_USERNAME = "canary.present", "canary.former"
NAME, BIO, WEBSITE = "Serinus Canaria", "Sings in the coal mine", "https://coalmine.example/serinus"
GIVEN_NAME, FAMILY_NAME, NICKNAME = "Tweety", "Fringillidae", "Yellowfeather"
METADATA_KEY, PUBLIC, PRIVATE = "roostmates", "perches by the window", "afraid of the tomcat"
PASSKEY_NAME, TOKEN_NAME = "Birdcage key", "Feeding robot"
TIME_ZONE = "Atlantic/Canary"
IP, OTHER_IP = "203.0.113.77", "2001:db8:ca0a:41::77"
AGENT = "CanaryBrowser/7.7 (Yellow; Feathered)"
REASON = "Sang at night, said the canary's neighbour"

TEXTS: Final = (
    *(*EMAILS, USERNAME, FORMER_USERNAME, NAME, GIVEN_NAME, FAMILY_NAME, NICKNAME, BIO, WEBSITE),
    *(METADATA_KEY, PUBLIC, PRIVATE, PASSKEY_NAME, TOKEN_NAME),
    *(TIME_ZONE, IP, OTHER_IP, AGENT, REASON, "canary", "serinus", "coalmine", "coal mine"),
)


def forms_of(canary: str | bytes) -> set[str]:
    """Return the forms of a canary in a dump: as text, escaped and hexadecimal."""
    raw = canary if isinstance(canary, bytes) else canary.encode()
    forms = {raw.hex()}
    if isinstance(canary, str):
        forms |= {canary.lower(), canary.lower().replace("/", "\\/")}
    return forms


def found_in(text: str, canaries: Iterable[str | bytes]) -> set[str]:
    lowered = text.lower()
    return {form for canary in canaries for form in forms_of(canary) if form in lowered}


def in_database(canaries: Iterable[str | bytes]) -> set[tuple[str, str]]:
    """Return tables with a canary in any column of any row."""
    canaries = list(canaries)
    found = set()
    with connection.cursor() as cursor:
        cursor.execute(
            # A partition is read through its table.
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " JOIN pg_class ON pg_class.oid = to_regclass(quote_ident(schemaname) || '.' ||"
            " quote_ident(tablename)) AND NOT relispartition"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        tables = [table for (table,) in cursor.fetchall()]
        for table in tables:
            # As text, a row has bytea in hexadecimal digits and other types in readable form.
            cursor.execute(f"SELECT row::text FROM {table} AS row")  # noqa: S608 - quoted above
            for (row,) in cursor.fetchall():
                found |= {(table, form) for form in found_in(row, canaries)}
    assert len(tables) > 20
    return found


def in_files(canaries: Iterable[str | bytes]) -> set[tuple[str, str]]:
    """Return files with a canary in the name or the content."""
    canaries = list(canaries)
    found = set()
    for directory in (settings.MEDIA_ROOT, settings.PRIVATE_FILES_DIR):
        for path in Path(directory).rglob("*"):
            if path.is_file():
                content = path.read_bytes().decode(errors="replace")
                found |= {(str(path), form) for form in found_in(f"{path}\n{content}", canaries)}
    return found


def _value(server: Any, key: bytes) -> Any:
    readers: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: server.get(key),
        b"hash": lambda: server.hgetall(key),
        b"list": lambda: server.lrange(key, 0, -1),
        b"set": lambda: server.smembers(key),
        b"zset": lambda: server.zrange(key, 0, -1),
        b"none": lambda: None,
    }
    return readers[server.type(key)]()


def in_redis(canaries: Iterable[str | bytes]) -> set[tuple[str, str]]:
    """Return keys of Redis with a canary in the key or value."""
    canaries = list(canaries)
    broker = re.sub(
        r"^redis\+socket://(.*?)\?virtual_host=", r"unix://\1?db=", settings.CELERY_BROKER_URL
    )
    found = set()
    for url in (settings.REDIS_URL, broker):
        server: Any = Redis.from_url(url)
        with server:
            for key in server.scan_iter("*"):
                dump = f"{key!r} {_value(server, key)!r}"
                found |= {(repr(key), form) for form in found_in(dump, canaries)}
    return found
