"""Imports as jobs: their file, rights, and workers that are overtaken."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from core.errors import ForbiddenError, InputRejectedError
from tests.support.imports import (
    MARY,
    actor_of,
    counts,
    csv_of,
    import_csv,
    run_turns,
    skipped,
    start,
)
from users.accounts.models import User
from users.imports.files import UNUSED_AFTER
from users.imports.models import UserImport
from users.imports.readers import Record, read_records
from users.imports.services import run
from users.imports.tasks import prune, run_user_import
from users.jobs.services.run import OvertakenError
from users.jobs.states import JobState

FILES = Path(django_settings.PRIVATE_FILES_DIR) / "imports"


@pytest.fixture
def no_files() -> None:
    """Remove what other tests have left."""
    shutil.rmtree(FILES, ignore_errors=True)


def stored_files() -> list[str]:
    return [path.name for path in FILES.iterdir()] if FILES.exists() else []


@pytest.mark.usefixtures("no_files")
def test_file_is_private_and_deleted_in_the_end(root: User) -> None:
    user_import = start(root, csv_of(MARY | {"groups": "", "organizations": ""}))
    (name,) = stored_files()
    assert (FILES / name).stat().st_mode & 0o777 == 0o600
    run_turns()
    user_import.refresh_from_db()
    assert user_import.state == JobState.COMPLETED
    assert stored_files() == []


@pytest.mark.usefixtures("no_files")
def test_refused_import_stores_nothing(root: User) -> None:
    start(root, b"email\na@example.org")
    with pytest.raises(InputRejectedError) as caught:
        start(root, b"email\nb@example.org")
    assert [problem.code for problem in caught.value.problems] == ["IMPORT_RUNNING"]
    assert len(stored_files()) == UserImport.objects.count() == 1
    run_turns()


@pytest.mark.usefixtures("no_files")
def test_lost_right_stops_the_import(root: User) -> None:
    user_import = start(root, b"email\na@example.org")
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    run_turns()
    user_import.refresh_from_db()
    assert (user_import.state, counts(user_import)) == (JobState.STOPPED, (0, 0, 0))
    assert stored_files() == []


@pytest.mark.usefixtures("no_files")
def test_unused_files_and_outdated_imports_are_pruned(root: User, settings: Any) -> None:
    outdated = import_csv(root, {"email": "no address"})
    UserImport.objects.update(finished_at=timezone.now() - settings.BULK_ACTION_RETENTION)
    live = start(root, b"email\na@example.org")
    (used,) = stored_files()
    for name in ("unused", "new"):
        (FILES / name).write_bytes(b"email\n")
    long_ago = (timezone.now() - 2 * UNUSED_AFTER).timestamp()
    for name in (used, "unused"):
        os.utime(FILES / name, (long_ago, long_ago))
    prune()
    assert set(stored_files()) == {used, "new"}
    assert list(UserImport.objects.all()) == [live]
    assert skipped(outdated) == []
    run_turns()


def test_staff_may_not_import(sam: User) -> None:
    with pytest.raises(ForbiddenError):
        start(sam, b"email\na@example.org")
    assert actor_of(sam).is_staff
    assert not UserImport.objects.exists()


@pytest.mark.parametrize("is_first_skipped", [False, True])
def test_worker_that_was_overtaken_leaves_the_import(
    root: User, monkeypatch: pytest.MonkeyPatch, *, is_first_skipped: bool
) -> None:
    """A process is stopped for longer than its lease, and another one ends the import."""
    rows = [{"email": f"user{number}@example.org"} for number in range(5)]
    if is_first_skipped:
        rows[0]["email"] = "invalid"
    user_import = start(root, csv_of(*rows))

    def stopped(*args: Any, **options: Any) -> Iterator[Record]:
        yield from list(read_records(*args, **options))[:2]
        with monkeypatch.context() as resumed:
            resumed.setattr(run, "read_records", read_records)
            run_user_import(str(user_import.pk), turn=0)

    with monkeypatch.context() as patched:
        patched.setattr(run, "BATCH_ROWS", 3)
        patched.setattr(run, "read_records", stopped)
        with pytest.raises(OvertakenError):
            run_user_import(str(user_import.pk), turn=0)
    run_turns()
    user_import.refresh_from_db()
    expected = (5 - is_first_skipped, 0, int(is_first_skipped))
    assert (user_import.state, counts(user_import)) == (JobState.COMPLETED, expected)
    assert len(skipped(user_import)) == is_first_skipped
