"""`make bench-admin`: measures every page of the admin with a million users.

Each page is requested over HTTP from the service as deployed: once with a cold cache of PostgreSQL,
then several times with a warm one, of which the median counts. SQL statements are counted in this
process. Environment variables: USERS, ROUNDS, DATA_DIR, and LIMIT, the milliseconds beyond which a
page's URL is printed.
"""

import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import django
from django.core.management import call_command

from bench.admin_volume import fill
from bench.contestants import ContestantError, OnGunicorn
from bench.dataset import ROOT, Dataset, DatasetError, environment, open_dataset
from bench.machine import cores, pin_to_core
from bench.progress import Progress
from bench.report import OUTPUT
from core.configuration.env import Environment

KINDS: Final = ("list", "last page", "order", "filter", "search", "form", "choice")


class Admin(OnGunicorn):
    """Roster with a browser's session."""

    name = "admin"
    title = "Roster's admin"
    packages = ("django-unfold",)

    def environment(self) -> dict[str, str]:
        """Return the settings of production."""
        return super().environment() | {"DJANGO_SETTINGS_MODULE": "core.settings"}

    def questions(self) -> dict[str, Any]:
        """Return none, because pages are requested directly."""
        return {}


@dataclass(frozen=True, slots=True)
class Answer:
    """The time of a page, in milliseconds, and its number of statements."""

    list: str
    kind: str
    url: str
    cold: float
    warm: float
    statements: int


def main() -> int:
    """Run the benchmark; return the exit status."""
    env = Environment(os.environ)
    size = env.number("USERS", 1_000_000, minimum=1_000, maximum=100_000_000)
    rounds = env.number("ROUNDS", 3, minimum=1, maximum=100)
    limit = env.number("LIMIT", 1_000, minimum=1, maximum=60_000)
    directory = Path(env.text("DATA_DIR", str(ROOT / ".data"))).resolve()
    server_core, other_core = cores()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with (
            pin_to_core(other_core),
            open_dataset(size, directory / "bench" / f"admin-{size}") as dataset,
        ):
            fill(dataset)
            answers = measure_pages(dataset, server_core, rounds)
    except (ContestantError, DatasetError) as error:
        raise SystemExit(f"make bench-admin: {error}") from None
    print(f"\n{table(answers)}\n")  # noqa: T201 - the result
    slow = [answer for answer in answers if max(answer.cold, answer.warm) > limit]
    for answer in sorted(slow, key=lambda answer: -answer.warm):
        print(f"{answer.cold:8.0f} {answer.warm:8.0f} ms  {answer.url}")  # noqa: T201
    return 1 if slow else 0


def measure_pages(dataset: Dataset, core: int, rounds: int) -> list[Answer]:
    """Request every page. Raises `ContestantError` unless each returns 200."""
    # The service's own code, used below, must have the settings of the measured server.
    os.environ.clear()
    os.environ.update(environment(dataset) | {"DJANGO_SETTINGS_MODULE": "core.settings"})
    django.setup()
    # As in the image; the theme's files have no URLs without the manifest.
    call_command("collectstatic", interactive=False, verbosity=0)
    # Django's models need the settings.
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: PLC0415

    from bench.admin_pages import pages  # noqa: PLC0415
    from bench.signed_in import administrator_cookie  # noqa: PLC0415

    # Records the template contexts of responses.
    setup_test_environment()
    name, secret = administrator_cookie()
    client = Client(headers={"host": "127.0.0.1"})
    client.cookies[name] = secret
    found = list(pages(client))
    answers: list[Answer] = []
    server = Admin(dataset)
    with server.run_server(core, OUTPUT), Progress("pages of the admin", len(found)) as progress:
        for page in found:
            with CaptureQueriesContext(connection) as captured:
                client.get(page.url)
            dataset.rows("SELECT * FROM pg_buffercache_evict_all()")
            seconds = [
                _seconds(server.port, page.url, f"{name}={secret}") for _ in range(rounds + 1)
            ]
            answers.append(
                Answer(
                    page.list,
                    page.kind,
                    page.url,
                    1_000 * seconds[0],
                    1_000 * statistics.median(seconds[1:]),
                    len(captured),
                )
            )
            progress.step(page.url)
    return answers


def table(answers: Sequence[Answer]) -> str:
    """Return the slowest page per list and kind, warm and cold, and the most statements."""
    cells: dict[str, dict[str, list[Answer]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers:
        cells[answer.list][answer.kind].append(answer)
    lines = [
        f"| | {' | '.join(KINDS)} | statements |",
        "|---" + "|---:" * (len(KINDS) + 1) + "|",
    ]
    for name, kinds in cells.items():
        times = [
            f"{max(a.warm for a in some):.0f} ({max(a.cold for a in some):.0f})" if some else ""
            for some in (kinds[kind] for kind in KINDS)
        ]
        most = max(answer.statements for some in kinds.values() for answer in some)
        lines.append(f"| {name} | {' | '.join(times)} | {most} |")
    return "\n".join(lines)


def _seconds(port: int, url: str, cookie: str) -> float:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    started = time.perf_counter()
    connection.request("GET", url, headers={"Cookie": cookie})
    response = connection.getresponse()
    response.read()
    elapsed = time.perf_counter() - started
    connection.close()
    if response.status != 200:  # noqa: PLR2004
        raise ContestantError(f"{url} returned status {response.status}")
    return elapsed


if __name__ == "__main__":
    sys.exit(main())
