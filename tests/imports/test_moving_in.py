"""docs/moving-in.md: its examples are imported as they are written."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.core.test_foreign_hashes import FIREBASE
from tests.docs.test_links import ROOT
from tests.support.imports import counts, import_csv, import_json, upsert_json
from tests.support.signing_in import log_in
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.imports.models import ExternalId

PAGE = (ROOT / "docs/moving-in.md").read_text(encoding="utf-8")


def example_of(system: str, language: str) -> str:
    """Return the first block of code in the paragraphs of a system."""
    _before, _name, text = PAGE.partition(f"**{system}.**")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_example_of_firebase(root: User, settings: Any, tmp_path: Path) -> None:
    settings.FIREBASE_SCRYPT = FIREBASE
    path = tmp_path / "users.jsonl"
    users = json.loads(example_of("Firebase", "json"))["users"]
    path.write_text("".join(f"{json.dumps(user)}\n" for user in users), encoding="utf-8")
    _manage, name, file, *arguments = shlex.split(example_of("Firebase", "sh").replace("\\\n", " "))
    assert file == path.name
    call_command(name, str(path), *arguments)
    mary = User.objects.get(email="mary@example.org")
    assert mary.email_verified_at is not None
    assert ExternalId.objects.get().value == "x1"
    assert log_in("mary", "user1password")["errors"] == []


@pytest.mark.parametrize("is_csv", [False, True], ids=["json", "csv"])
def test_example_of_keycloak(root: User, *, is_csv: bool) -> None:
    row = json.loads(example_of("Keycloak", "json"))
    if is_csv:
        import_csv(root, row | {"password_hash": json.dumps(row["password_hash"])})
    else:
        import_json(root, row)
    kim = User.objects.get(email="kim@example.org")
    assert kim.email_verified_at is None
    assert log_in("kim", "old password")["errors"] == []
    assert Event.objects.filter(tag=Tag.USER_IMPORTED, subject_id=kim.pk).exists()


def test_corrected_file_is_imported_again(root: User) -> None:
    valid, wrong = (
        {"external_id": "1", "email": "mary@example.org"},
        {"external_id": "2", "email": "kim@example"},
    )
    assert counts(import_json(root, valid, wrong)) == (1, 0, 1)
    corrected = wrong | {"email": "kim@example.org"}
    assert counts(upsert_json(root, valid, corrected)) == (1, 1, 0)
