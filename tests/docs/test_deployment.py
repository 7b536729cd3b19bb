"""What several pages say about a deployment agrees with the code and with each other."""

import re
from pathlib import Path
from typing import Final

from django.conf import settings

from core.database.search.checks import OLDEST
from core.outbox.queues import Queue

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder, pattern in (
        ("docs", "*.md"),
        ("k8s", "*.yaml"),
        ("core", "*.py"),
        ("users", "*.py"),
    )
    for path in (ROOT / folder).rglob(pattern)
}


def test_pages_name_the_oldest_postgresql() -> None:
    named = re.findall(r"PostgreSQL (\d+) or newer", "".join(PAGES.values()))
    assert len(named) > 2
    assert set(named) == {str(OLDEST // 10_000)}


def test_only_one_page_counts_database_connections() -> None:
    formula = re.compile(r"WEB_CONCURRENCY`? . \(?`?WEB_THREADS")
    assert [name for name, text in PAGES.items() if formula.search(text)] == ["docs/deployment.md"]


def test_sizes_have_the_database_connections_of_their_pods() -> None:
    def row(title: str) -> list[int]:
        [cells] = re.findall(rf"(?m)^\| {title}[^|]* \|(.+)\|$", PAGES["docs/scaling.md"])
        return [int(re.findall(r"\d+", cell)[0]) for cell in cells.split("|")]

    # By default a web pod has two processes of four threads, and a worker two processes.
    expected = [
        pods * 2 * (4 + 1) + each * len(Queue) * 2 + 1
        for pods, each in zip(row("web: pods"), row("workers of each"), strict=True)
    ]
    assert row(r"\[database connections\]") == expected


def test_named_manifests_exist() -> None:
    named = re.findall(r"\bk8s/[\w./-]+\.(?:yaml|env)\b", "".join(PAGES.values()))
    assert len(named) > 3
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_new_database_password_is_promised_no_more_than_connections_allow() -> None:
    keys = PAGES["docs/runbook/keys.md"]
    [effect] = re.findall(r"(?m)^\| the password of `roster` \|.+\| (.+) \|$", keys)
    assert effect != "none"
    [minutes] = re.findall(r"`DATABASE_CONN_MAX_AGE` \((\d+) minutes\)", keys)
    assert int(minutes) * 60 == settings.DATABASES["default"]["CONN_MAX_AGE"]
    # New pods have the new password only if the Secret has it before they start.
    steps = [keys.index(each) for each in ("into the Secret", "ALTER ROLE", "rollout restart")]
    assert steps == sorted(steps)
