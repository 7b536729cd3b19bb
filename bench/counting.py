"""`make bench-counting`: measures how the analytics are counted and rolled up.

Writers insert an event and count it in one transaction, which they hold for 5 ms: in the row of the
day (the former way), in one of sixteen rows, in a row of its own, and not at all, because the event
itself is rolled up.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final, LiteralString

import django
import psycopg
from django.core.management import call_command
from django.db import connection

SECONDS: Final = 4.0
HOLD: Final = 0.005
WRITERS: Final = (1, 16)
EVENTS: Final = 50_000
INSERT: Final[LiteralString] = "INSERT INTO bench.happened (what) VALUES (%(what)s)"
WAYS: Final[dict[str, LiteralString | None]] = {
    "one row": (
        "INSERT INTO bench.hot AS row VALUES ('2026-01-01', 'log in', 1)"
        " ON CONFLICT (day, tag) DO UPDATE SET count = row.count + 1"
    ),
    "sixteen rows": (
        "INSERT INTO bench.shards AS row VALUES ('2026-01-01', 'log in', %(shard)s, 1)"
        " ON CONFLICT (day, tag, shard) DO UPDATE SET count = row.count + 1"
    ),
    "a row of its own": "INSERT INTO bench.pending (day, tag) VALUES ('2026-01-01', 'log in')",
    "none": None,
}
TABLES: Final = """
    CREATE SCHEMA bench;
    CREATE TABLE bench.happened (id bigserial PRIMARY KEY, what jsonb);
    CREATE TABLE bench.hot (day date, tag text, count bigint, PRIMARY KEY (day, tag));
    CREATE TABLE bench.shards (
        day date, tag text, shard int, count bigint, PRIMARY KEY (day, tag, shard));
    CREATE TABLE bench.pending (id bigserial PRIMARY KEY, day date, tag text);
"""
# Log-ins of some days, ten of each user.
TRAIL: Final = """
    INSERT INTO accounts_user (id, username, email, email_verified_at, name, password, is_active,
        is_staff, is_superuser, is_public, date_joined)
    SELECT uuidv7(), 'user' || number, 'user' || number || '@' || number %% 50 || '.example', now(),
        '', '!none', true, false, false, false, now()
    FROM generate_series(1, %(events)s / 10) AS number;
    INSERT INTO accounts_profile (user_id, bio, website, locale, time_zone)
    SELECT id, '', '', 'en', 'UTC' FROM accounts_user;
    WITH picked AS (
        SELECT id, row_number() OVER () AS number FROM accounts_user
    ), happened AS (
        INSERT INTO activity_event (id, tag, actor_id, subject_id, data, created_at)
        SELECT uuidv7((events.number - %(events)s) * interval '6 seconds'), 'session:user:log_in',
            picked.id, picked.id, '{}', now() + (events.number - %(events)s) * interval '6 seconds'
        FROM generate_series(1, %(events)s) AS events (number)
        JOIN picked ON picked.number = 1 + events.number * 7919 %% (%(events)s / 10)
        RETURNING id
    )
    INSERT INTO activity_eventdetails (event_id, salt, values)
    SELECT id, '', '{"user_agent": "Mozilla/5.0 (X11; rv:128.0) Gecko/20100101 Firefox/128.0"}'
    FROM happened;
    ANALYZE;
"""


def main() -> None:
    """Print the figures."""
    django.setup()
    # Only with settings, which Django has now.
    from core.database.roles.owner import as_owner  # noqa: PLC0415
    from users.activity.services import roll_up, sealing  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(TABLES)
        url = _url()
        for way, count in WAYS.items():
            rates = [_rate(url, count, writers) for writers in WRITERS]
            shown = ", ".join(
                f"{rate:,.0f}/s by {writers}" for rate, writers in zip(rates, WRITERS, strict=True)
            )
            print(f"{way}: {shown}")  # noqa: T201 - the result
        cursor.execute(TRAIL, {"events": EVENTS})
    roll_up.MAX_BATCHES = EVENTS  # type: ignore[misc]
    for name, work in (("sealing", sealing.seal_all), ("rolling up", roll_up.roll_up_all)):
        wall, cpu = _per_thousand(work)
        print(f"{name}: {wall:.0f} ms for 1,000 events, {cpu:.0f} ms of Python's CPU")  # noqa: T201


def _url() -> str:
    """Return the owner's connection string."""
    parameters = connection.get_connection_params()
    names = ("dbname", "user", "host", "port", "password")
    given = {name: parameters[name] for name in names if parameters.get(name)}
    return psycopg.conninfo.make_conninfo(**given)


def _rate(url: str, count: LiteralString | None, writers: int) -> float:
    """Return the transactions per second of so many connections."""
    barrier = Barrier(writers)

    def write() -> int:
        done = 0
        with psycopg.connect(url, prepare_threshold=1) as opened:
            barrier.wait()
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                values = {"what": '{"a": 1}', "shard": random.randrange(16)}  # noqa: S311
                with opened.transaction():
                    opened.execute(INSERT, values)
                    if count is not None:
                        opened.execute(count, values)
                    time.sleep(HOLD)
                done += 1
        return done

    with ThreadPoolExecutor(writers) as pool:
        return sum(pool.map(lambda _writer: write(), range(writers))) / SECONDS


def _per_thousand(work: Callable[[], None]) -> tuple[float, float]:
    """Return the milliseconds for 1,000 events, and the CPU time of this process."""
    start, start_of_cpu = time.monotonic(), time.process_time()
    work()
    wall, cpu = time.monotonic() - start, time.process_time() - start_of_cpu
    return wall * 1_000 / (EVENTS / 1_000), cpu * 1_000 / (EVENTS / 1_000)


if __name__ == "__main__":
    main()
