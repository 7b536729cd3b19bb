"""Batches of imports, which are bounded by time."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.core.test_outbox import overdue
from tests.support.factories import make_organization, make_users
from tests.support.imports import (
    counts,
    finished,
    import_json,
    json_lines,
    run_turns,
    skipped,
    start,
    upsert_json,
)
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.imports.fields import ImportFormat, ImportMode
from users.imports.models import UserImport
from users.imports.services import batch, run
from users.imports.services.directory import Directory
from users.imports.tasks import run_user_import
from users.jobs.services.run import advance
from users.jobs.states import JobState
from users.organizations.models import Organization


def rows_of(*usernames: str, **values: Any) -> list[dict[str, Any]]:
    return [{"email": f"{name}@example.org", "name": "Changed"} | values for name in usernames]


def upsert_of(root: User, *rows: dict[str, Any], **options: Any) -> UserImport:
    """Start an import that may change users."""
    data = json_lines(*rows)
    return start(root, data, ImportFormat.JSON_LINES, mode=ImportMode.UPSERT, **options)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two changes take the time of a batch."""
    ticks = count()
    monkeypatch.setattr(batch, "monotonic", lambda: next(ticks) * batch.BATCH_SECONDS / 2)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return the line and the number of changed users after each batch."""
    found = []

    def noted(user_import: UserImport, **options: Any) -> bool:
        changed = User.objects.filter(name="Changed").count()
        found.append((options["line"], changed))
        return advance(user_import, **options)

    monkeypatch.setattr(run, "advance", noted)
    return found


@pytest.mark.usefixtures("clock")
def test_changes_are_committed_when_the_time_is_up(
    root: User, steps: list[tuple[int, int]]
) -> None:
    make_users("abcdefg")
    rows = [
        *rows_of("a", "new1"),
        {"email": "invalid"},
        *rows_of("b", "new2", "c", "d", "e"),
        {"email": "invalid"},
        *rows_of("f", "new3", "g", "new4"),
    ]
    user_import = finished(upsert_of(root, *rows))
    assert counts(user_import) == (11, 0, 2)
    assert skipped(user_import) == [(3, "EMAIL_INVALID", "email"), (9, "EMAIL_INVALID", "email")]
    assert steps == [(4, 3), (7, 6), (10, 8), (13, 11)]
    assert Event.objects.filter(tag=Tag.IMPORTED_USER_CHANGED).count() == 7
    assert Event.objects.filter(tag=Tag.USER_IMPORTED).count() == 4


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("killed_at", range(3))
def test_killed_batch_of_changes_is_resumed(
    root: User, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    class KilledError(BaseException):
        pass

    make_users("abcde")
    calls = count()

    def killed(*args: Any, **changes: Any) -> bool:
        if next(calls) == killed_at:
            raise KilledError
        return advance(*args, **changes)

    user_import = upsert_of(root, *rows_of("a", "b", "a", "c", "d", "e"))
    with monkeypatch.context() as patched:
        patched.setattr(run, "advance", killed)
        with pytest.raises(KilledError):
            run_turns()
    overdue()
    assert counts(finished(user_import)) == (5, 0, 1)
    assert skipped(user_import) == [(3, "ROW_REPEATED", "email")]
    assert Event.objects.filter(tag=Tag.IMPORTED_USER_CHANGED).count() == 5


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of rows of the batches."""
    found = []
    read: Callable[..., Directory] = Directory.of

    def noted(rows: Sequence[Any], user_import: UserImport) -> Directory:
        found.append(len(rows))
        return read(rows, user_import)

    monkeypatch.setattr(Directory, "of", noted)
    return found


def test_batch_that_exceeded_the_time_limit_is_tried_smaller(
    root: User, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    usernames = [f"user{number}" for number in range(50)]
    make_users(usernames)
    # Time stands still, so only the limit makes batches smaller.
    monkeypatch.setattr(batch, "monotonic", lambda: 0.0)
    user_import = upsert_of(root, *rows_of(*usernames))

    def exceed(*_args: Any, **_options: Any) -> bool:
        raise SoftTimeLimitExceeded

    with monkeypatch.context() as patched:
        patched.setattr(batch, "change_user", exceed)
        for _attempt in range(3):
            with pytest.raises(SoftTimeLimitExceeded):
                run_user_import(str(user_import.pk), turn=0)
    user_import.refresh_from_db()
    assert (user_import.state, counts(user_import)) == (JobState.RUNNING, (0, 0, 0))
    assert sizes == [50, 5, 1]

    assert counts(finished(user_import)) == (50, 0, 0)
    assert sizes[3:] == [1, 2, 4, 8, 16, 19]


def test_batch_that_ended_with_its_worker_is_tried_smaller(
    root: User, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    class KilledError(BaseException):
        pass

    def kill(*_args: Any, **_options: Any) -> bool:
        raise KilledError

    usernames = [f"user{number}" for number in range(50)]
    make_users(usernames)
    monkeypatch.setattr(batch, "monotonic", lambda: 0.0)
    user_import = upsert_of(root, *rows_of(*usernames))
    UserImport.objects.update(batch_size=50)
    with monkeypatch.context() as patched:
        patched.setattr(batch, "change_user", kill)
        for _attempt in range(4):
            with pytest.raises(KilledError):
                run_turns()
            overdue()
    assert sizes == [50, 5, 1, 1]

    assert counts(finished(user_import)) == (50, 0, 0)
    assert sizes[4:] == [1, 2, 4, 8, 16, 19]


def test_slow_batches_do_not_grow(
    root: User, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    ticks = count()
    monkeypatch.setattr(batch, "monotonic", lambda: next(ticks) * batch.BATCH_SECONDS)
    user_import = upsert_of(root, *rows_of(*"abcdef"))
    UserImport.objects.filter(pk=user_import.pk).update(batch_size=2)
    assert counts(finished(user_import)) == (6, 0, 0)
    assert sizes == [2, 2, 2]


def test_users_of_unchanged_rows_are_not_locked(root: User) -> None:
    rows = [
        {"external_id": name, "email": f"{name}@example.org", "name": "Changed"} for name in "abc"
    ]
    import_json(root, *rows)
    with CaptureQueriesContext(connection) as queries:
        assert counts(upsert_json(root, *rows)) == (0, 3, 0)
    locks = [
        query["sql"]
        for query in queries.captured_queries
        if 'FROM "accounts_user"' in query["sql"] and "FOR UPDATE" in query["sql"]
    ]
    assert locks == []


def test_changed_row_takes_two_statements(root: User) -> None:
    """Only the name and the event are written; users are read with the batch."""
    make_organization("Acme", root)
    Group.objects.create(name="Editors")
    rows = [
        {
            "external_id": str(number),
            "email": f"user{number}@example.org",
            "given_name": "Given",
            "locale": "de",
            "suspended": False,
            "public_metadata": {"plan": "team"},
            "groups": ["Editors"],
            "organizations": ["Acme"],
        }
        for number in range(12)
    ]
    import_json(root, *rows)
    numbers = []
    for name, count_ in (("Changed", 2), ("Again", 12)):
        changed = [row | {"name": name} for row in rows[:count_]]
        with CaptureQueriesContext(connection) as queries:
            assert counts(upsert_json(root, *changed)) == (count_, 0, 0)
        numbers.append(len(queries))
    assert numbers[1] - numbers[0] == 10 * 2


def test_dry_run_knows_the_organizations_of_earlier_batches(
    root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH_ROWS", 1)
    rows = [
        {"email": "owner@example.org", "organizations": ["Acme:owner"]},
        {"email": "member@example.org", "organizations": ["Acme"]},
        {"email": "other@example.org", "organizations": ["Unknown"]},
        {"email": root.email, "organizations": ["Acme"]},
    ]
    make_users(["member"])
    user_import = upsert_json(root, *rows, is_dry_run=True)
    assert counts(user_import) == (2, 0, 2)
    assert skipped(user_import) == [
        (3, "NOT_FOUND", "organizations"),
        (4, "USER_PROTECTED", ""),
    ]
    assert not Organization.objects.exists()
    # Deleted with the file.
    assert user_import.new_organizations == []


def test_changed_member_follows_the_new_owner(root: User) -> None:
    make_users(["member"])
    rows = [
        {"email": "owner@example.org", "organizations": ["Acme:owner"]},
        {"email": "member@example.org", "organizations": ["Acme"]},
    ]
    assert counts(upsert_json(root, *rows)) == (2, 0, 0)
    roles = Organization.objects.get().memberships.values_list("user__email", "role")
    assert dict(roles) == {"owner@example.org": "owner", "member@example.org": "member"}
    event = Event.objects.get(tag=Tag.ORGANIZATION_CREATED)
    assert event.subject_id == User.objects.get(email="owner@example.org").pk


def test_no_organization_is_created_for_an_owner_who_is_not_changed(root: User) -> None:
    rows = [
        {"email": root.email, "organizations": ["Acme:owner"]},
        {"email": "new@example.org", "organizations": ["Acme"]},
    ]
    user_import = upsert_json(root, *rows)
    assert skipped(user_import) == [
        (1, "USER_PROTECTED", ""),
        (2, "NOT_FOUND", "organizations"),
    ]
    assert not Organization.objects.exists()


def test_renamed_organization_is_not_created_again_without_an_owner(root: User) -> None:
    rows = [
        {"external_id": role, "email": f"{role}@example.org", "organizations": [f"Acme:{role}"]}
        for role in ("owner", "admin")
    ]
    import_json(root, *rows)
    Organization.objects.update(name="Globex")
    make_users(["known"])
    late = [
        {"email": f"{name}@example.org", "name": "Changed", "organizations": ["Acme"]}
        for name in ("new", "known")
    ]
    user_import = upsert_json(root, *rows, *late)
    assert counts(user_import) == (0, 2, 2)
    assert skipped(user_import) == [(line, "NOT_FOUND", "organizations") for line in (3, 4)]
    assert Organization.objects.get().name == "Globex"
