"""`manage.py import_users`: progress, problems, and processes that are killed."""

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.core.test_outbox import overdue
from tests.support.imports import HASH, csv_of, run_turns, skipped
from tests.support.service_processes import environ_of_tests
from tests.support.signing_in import log_in
from users.accounts.models import LastSeen, Profile, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.imports.models import ExternalId, UserImport
from users.imports.services import run
from users.imports.throttling import STARTS_PER_USER, count_import
from users.jobs.services.run import advance
from users.jobs.states import JobState

ROWS = 4_500


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.csv"


def import_file(path: Path, **options: Any) -> str:
    """Run the command; return its output."""
    out = io.StringIO()
    call_command("import_users", str(path), stdout=out, **{"administrator": "root"} | options)
    return out.getvalue()


def test_file_is_imported_to_the_end(root: User, path: Path) -> None:
    path.write_bytes(
        csv_of(
            {"email": "mary@example.org", "password_hash": HASH},
            {"email": "no address", "password_hash": ""},
        )
    )
    assert import_file(path).splitlines() == [
        "Import completed: 1 created, 0 changed, 0 unchanged, 1 skipped.",
        "line 3: EMAIL_INVALID email: Write a valid e-mail address. New users require one.",
    ]
    assert log_in("mary", "secret")["errors"] == []
    assert UserImport.objects.get().requester == root


def test_options(root: User, tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    path.write_bytes(b'{"Mail": "mary@example.org", "id": 1}')
    mapping = ["Mail=email", "id=external_id"]
    options = {"map": mapping, "source": "crm", "mode": "upsert"}
    summary = "Dry run completed: 1 to create, 0 to change, 0 unchanged, 0 skipped."
    assert import_file(path, dry_run=True, **options).splitlines() == [summary]
    assert not ExternalId.objects.exists()
    assert import_file(path, **options).startswith("Import completed: 1 created, 0 changed")
    assert import_file(path, **options).startswith("Import completed: 0 created, 0 changed, 1")
    path.write_bytes(b'{"Mail": "mm@example.org", "id": 1}')
    assert import_file(path, **options).startswith("Import completed: 0 created, 1 changed")
    assert ExternalId.objects.get().source == "crm"


def test_too_many_imports_are_a_problem(root: User, path: Path) -> None:
    path.write_bytes(csv_of({"email": "mary@example.org"}))
    for _start in range(STARTS_PER_USER.count):
        count_import(root.pk)
    with pytest.raises(CommandError, match=r"root has started too many imports.*minutes"):
        import_file(path)
    assert not UserImport.objects.exists()


def test_progress_is_drawn_on_a_terminal(
    root: User, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH_ROWS", 2)
    path.write_bytes(csv_of(*({"email": f"user{number}@example.org"} for number in range(5))))

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    call_command("import_users", str(path), administrator="root", stdout=out)
    assert "5 of 5 rows" in out.getvalue()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"administrator": "unknown"}, "no such active user"),
        (
            {"map": ["email=mail"]},
            "No field has this name: mail. Give column=field, with one of .*email",
        ),
        ({"map": ["email:mail"]}, "No field has this name: email:mail. Give column=field"),
        ({"format": "jsonl"}, "No field has this name: x, y. "),
        ({"map": ["email=external_id"]}, "Give a source: the name of the system"),
    ],
)
def test_problems_are_reported(
    root: User, path: Path, options: dict[str, Any], problem: str
) -> None:
    path.write_bytes(
        b'{"x": 1, "email": 2, "y": 3}' if "format" in options else b"email\na@example.org"
    )
    with pytest.raises(CommandError, match=problem):
        import_file(path, **options)
    assert not UserImport.objects.exists()


def test_missing_file_and_right_are_reported(sam: User, path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        import_file(path, administrator="sam")
    path.write_bytes(b"email\na@example.org")
    with pytest.raises(CommandError, match="sam is not an administrator"):
        import_file(path, administrator="sam")


# Killed processes ------------------------------------------------------------------------


@pytest.fixture
def process(transactional_db: None, root: User, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that imports `ROWS` rows."""
    path.write_bytes(
        csv_of(
            *(
                {"email": f"user{number}@example.org", "external_id": str(number)}
                for number in range(ROWS)
            )
        )
    )
    command = [sys.executable, "manage.py", "import_users", str(path), "--as=root", "--source=shop"]
    process = subprocess.Popen(command, env=environ_of_tests())
    yield process
    process.kill()
    process.wait()


@pytest.mark.slow
def test_killed_import_is_carried_on(process: subprocess.Popen[bytes]) -> None:
    while not UserImport.objects.filter(done__gt=0).exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    user_import = UserImport.objects.get()
    assert user_import.state == JobState.RUNNING
    assert 0 < user_import.done < ROWS
    assert User.objects.count() == user_import.done + 1

    overdue()
    run_turns()
    user_import.refresh_from_db()
    assert user_import.state == JobState.COMPLETED
    assert (user_import.done, user_import.unchanged, skipped(user_import)) == (ROWS, 0, [])
    for model in (User, Profile, LastSeen):
        assert model._default_manager.count() == ROWS + 1
    assert ExternalId.objects.count() == ROWS
    assert Event.objects.filter(tag=Tag.USER_IMPORTED).count() == ROWS


@pytest.mark.parametrize("batch", range(4))
def test_killed_batch_is_repeated_as_a_whole(
    root: User, path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Kill the worker after it has written a batch, before the commit."""

    class KilledError(BaseException):
        pass

    monkeypatch.setattr(run, "BATCH_ROWS", 2)
    path.write_bytes(csv_of(*({"email": f"user{number}@example.org"} for number in range(7))))
    calls = 0

    def killed(*args: Any, **changes: Any) -> bool:
        nonlocal calls
        calls += 1
        if calls == batch + 1:
            raise KilledError
        return advance(*args, **changes)

    with monkeypatch.context() as patched:
        patched.setattr(run, "advance", killed)
        with pytest.raises(KilledError):
            import_file(path)
    assert User.objects.count() == 2 * batch + 1
    overdue()
    run_turns()
    user_import = UserImport.objects.get()
    assert (user_import.state, user_import.done) == (JobState.COMPLETED, 7)
    assert User.objects.count() == 8
