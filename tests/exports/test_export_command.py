"""`manage.py export_users`."""

import csv
import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.factories import make_service, make_user
from users.activity.models import Event
from users.activity.tags import Tag
from users.exports.columns import UserColumn
from users.exports.services import command
from users.jobs.spreadsheets import MARK_COLUMN


def export(path: Path, *arguments: str) -> str:
    output = StringIO()
    call_command("export_users", str(path), *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture(autouse=True)
def users(db: None) -> None:
    make_user("alice", name="=1+1")
    make_user("bob")
    make_service("robot")


def test_all_columns_are_written_to_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    assert export(path) == f"2 users were written to {path}.\n"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*(column.value for column in UserColumn), MARK_COLUMN]
    assert [(row["username"], row["name"]) for row in rows] == [("alice", "'=1+1"), ("bob", "")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    event = Event.objects.get()
    assert (event.tag, event.actor_id) == (Tag.USERS_EXPORTED, None)
    assert event.data == {"columns": list(UserColumn), "format": "csv"}


def test_hashes_are_written_on_request(tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    export(path, "--fields", "username", "--with-password-hashes")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [sorted(row) for row in rows] == [["password_hash", "username"]] * 2
    assert all(row["password_hash"].startswith("argon2$") for row in rows)
    assert Event.objects.get().data["columns"] == ["username", "password_hash"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("users.txt", []),
        ("users.csv", ["--fields", "password"]),
        ("users.csv", ["--fields", "id,id"]),
        ("missing/users.csv", []),
        ("taken.csv", []),
    ],
)
def test_invalid_arguments_are_refused(tmp_path: Path, name: str, arguments: list[str]) -> None:
    (tmp_path / "taken.csv").write_text("kept")
    with pytest.raises(CommandError):
        export(tmp_path / name, *arguments)
    assert (tmp_path / "taken.csv").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken.csv"]
    assert not Event.objects.exists()


def test_an_interrupted_file_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: Any, **_options: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "write_users", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path / "users.csv")
    assert list(tmp_path.iterdir()) == []
