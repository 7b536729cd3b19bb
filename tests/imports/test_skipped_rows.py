"""Imports skip invalid rows, and import the others."""

import json
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.conf import settings
from django.utils import timezone, translation

from tests.support.factories import make_external_id, make_organization, make_user
from tests.support.imports import SOURCE, counts, import_csv, import_json, run_turns, skipped, start
from users.accounts.models import User
from users.activity.personal_data_registry import export_subject
from users.imports.fields import ImportFormat, ImportMode
from users.imports.messages import row_message
from users.imports.models import SkippedRow
from users.imports.services import run
from users.jobs.states import JobState
from users.organizations.models import Organization
from users.privacy.archive import write_archive
from users.privacy.models import AccountDeletion
from users.privacy.services.erasure import erase_user

# orjson reads it, and does not write it.
DEEP = orjson.loads('{"a":' * 300 + "1" + "}" * 300)
INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"email": ""}, "EMAIL_INVALID", "email"),
    ({"email": "no address"}, "EMAIL_INVALID", "email"),
    ({"email": "a\u0000@example.org"}, "EMAIL_INVALID", "email"),
    ({"email": 5}, "EMAIL_INVALID", "email"),
    ({"email": "taken@example.org"}, "EMAIL_TAKEN", "email"),
    ({"email": "second@example.org"}, "EMAIL_TAKEN", "email"),
    ({"secondary_emails": ["no address"]}, "EMAIL_INVALID", "secondary_emails"),
    ({"secondary_emails": ["taken@example.org"]}, "EMAIL_TAKEN", "secondary_emails"),
    ({"secondary_emails": ["second@example.org"]}, "EMAIL_TAKEN", "secondary_emails"),
    (
        {"secondary_emails": [f"x{number}@example.org" for number in range(11)]},
        "EMAIL_INVALID",
        "secondary_emails",
    ),
    ({"username": "a b"}, "USERNAME_INVALID", "username"),
    ({"username": "x" * 31}, "USERNAME_INVALID", "username"),
    ({"username": "taken"}, "USERNAME_TAKEN", "username"),
    ({"external_id": "taken"}, "EXTERNAL_ID_TAKEN", "external_id"),
    ({"external_id": "x" * 201}, "VALUE_INVALID", "external_id"),
    (
        {"external_ids": [{"source": "shop", "value": "taken"}]},
        "EXTERNAL_ID_TAKEN",
        "external_id",
    ),
    (
        {"external_ids": [{"source": "crm", "value": "taken"}]},
        "EXTERNAL_ID_TAKEN",
        "external_ids",
    ),
    ({"external_ids": [{"source": "crm", "value": ""}]}, "VALUE_INVALID", "external_ids"),
    ({"external_ids": [{"source": "x" * 51, "value": "1"}]}, "VALUE_INVALID", "external_ids"),
    ({"external_ids": [{"source": "c\x07rm", "value": "1"}]}, "VALUE_INVALID", "external_ids"),
    (
        {"external_ids": [{"source": name, "value": "1"} for name in ("crm", "crm\u202e")]},
        "VALUE_INVALID",
        "external_ids",
    ),
    ({"external_ids": [{"source": "crm", "value": 1}] * 2}, "VALUE_INVALID", "external_ids"),
    ({"external_ids": ["17"]}, "VALUE_INVALID", "external_ids"),
    ({"email_verified": "perhaps"}, "VALUE_INVALID", "email_verified"),
    ({"name": "x" * 151}, "VALUE_INVALID", "name"),
    ({"name": "a\u0000"}, "VALUE_INVALID", "name"),
    ({"name": {}}, "VALUE_INVALID", "name"),
    ({"locale": "t"}, "LOCALE_UNSUPPORTED", "locale"),
    ({"time_zone": "Mars"}, "TIME_ZONE_UNKNOWN", "time_zone"),
    ({"password_hash": "secret"}, "PASSWORD_HASH_UNKNOWN", "password_hash"),
    ({"password_hash": 5}, "PASSWORD_HASH_UNKNOWN", "password_hash"),
    ({"password_hash": DEEP}, "PASSWORD_HASH_UNKNOWN", "password_hash"),
    (
        {"password_hash": "$2y$31$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"},
        "PASSWORD_HASH_TOO_COSTLY",
        "password_hash",
    ),
    ({"totp_secret": "JBSWY3DPEHPK3PXP"}, "VALUE_INVALID", "totp_secret"),
    ({"totp_secret": "1" * 32}, "VALUE_INVALID", "totp_secret"),
    ({"created_at": "yesterday"}, "VALUE_INVALID", "created_at"),
    ({"created_at": "2020-01-01T12:00:00"}, "VALUE_INVALID", "created_at"),
    ({"created_at": "2999-01-01T12:00:00Z"}, "VALUE_INVALID", "created_at"),
    ({"created_at": "2020-W01-1T00:00:00Z"}, "VALUE_INVALID", "created_at"),
    ({"created_at": "20200101T000000Z"}, "VALUE_INVALID", "created_at"),
    ({"created_at": 10**30}, "VALUE_INVALID", "created_at"),
    ({"public_metadata": "[]"}, "METADATA_INVALID", "public_metadata"),
    ({"public_metadata": {"x": "y" * 20_000}}, "METADATA_INVALID", "public_metadata"),
    ({"private_metadata": '{"x": 1e400}'}, "METADATA_INVALID", "private_metadata"),
    ({"public_metadata": '{"a": 1, "a": 2}'}, "METADATA_INVALID", "public_metadata"),
    (
        {"private_metadata": '{"a": [{"b": 1, "\\u0062": 2}]}'},
        "METADATA_INVALID",
        "private_metadata",
    ),
    ({"public_metadata": "[" * 900 + "]" * 900}, "METADATA_INVALID", "public_metadata"),
    ({"groups": "Unknown"}, "NOT_FOUND", "groups"),
    ({"groups": ["x"] * 101}, "VALUE_INVALID", "groups"),
    ({"groups": [5]}, "VALUE_INVALID", "groups"),
    ({"organizations": "Unknown"}, "NOT_FOUND", "organizations"),
    ({"organizations": [{"name": "Acme"}]}, "VALUE_INVALID", "organizations"),
    ({"organizations": [{"name": "Acme", "role": "king"}]}, "ROLE_UNKNOWN", "organizations"),
    ({"organizations": [{"name": "Acme", "role": "x\x07"}]}, "VALUE_INVALID", "organizations"),
    ({"organizations": "Once:king"}, "ROLE_UNKNOWN", "organizations"),
    ({"organizations": "Acme: West"}, "NOT_FOUND", "organizations"),
    (
        {"organizations": '[{"name": "Acme", "role": "owner", "role": "member"}]'},
        "VALUE_INVALID",
        "organizations",
    ),
    ({"organizations": "Twice"}, "CONFLICT", "organizations"),
    ({"organizations": [{"id": "1", "role": "owner"}]}, "VALUE_INVALID", "organizations"),
    (
        {"organizations": [{"id": str(uuid4()), "name": "Once", "role": "owner"}]},
        "NOT_FOUND",
        "organizations",
    ),
    ({"organizations": "http://evil.example:owner"}, "VALUE_INVALID", "organizations"),
]


def test_invalid_rows_are_skipped_and_the_others_imported(root: User, settings: Any) -> None:
    settings.FIREBASE_SCRYPT = {}
    taken = make_user("taken")
    taken.email_addresses.create(email="second@example.org", verified_at=timezone.now())
    for source in (SOURCE, "crm"):
        make_external_id(taken, "taken", source=source)
    for _number in range(2):
        make_organization("Twice", root)
    rows: list[dict[str, Any]] = []
    for number, (values, _code, _field) in enumerate(INVALID):
        rows += [
            {"email": f"bad{number}@example.org"} | values,
            {"email": f"good{number}@example.org"},
        ]
    user_import = import_json(root, *rows)
    assert skipped(user_import) == [
        (2 * number + 1, code, name) for number, (_values, code, name) in enumerate(INVALID)
    ]
    assert counts(user_import) == (len(INVALID), 0, len(INVALID))
    assert User.objects.filter(email__startswith="good").count() == len(INVALID)
    assert not User.objects.filter(email__startswith="bad").exists()
    assert user_import.state == JobState.COMPLETED


def test_each_reason_says_what_to_do() -> None:
    """None of the reasons has the text of an unknown code, in any language."""
    reasons = {(code, name) for _values, code, name in INVALID}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            unknown = row_message("OTHER", "")
            assert [each for each in reasons if row_message(*each) == unknown] == []
    with translation.override("de"):
        assert row_message("EMAIL_INVALID", "email").startswith("Geben Sie")


def test_messages_name_what_is_unknown(root: User) -> None:
    make_organization("Once", root)
    rows: list[dict[str, Any]] = [
        {"groups": ["Unknown"]},
        {"groups": ["x" * 200]},
        {"organizations": "Globex"},
        {"organizations": "Once:king"},
        {"organizations": [{"name": "Once", "role": "King"}]},
    ]
    user_import = import_json(root, *({"email": f"{n}@b.co"} | row for n, row in enumerate(rows)))
    messages = [row.message for row in SkippedRow.objects.in_order()]
    assert len(messages) == user_import.failed
    assert messages[0].startswith("The group “Unknown” does not exist.")
    assert messages[1].startswith(f"The group “{'x' * 59}…” does not exist.")
    assert messages[2].startswith("The organisation “Globex” does not exist.")
    assert messages[3].startswith("“king” is not a role. Write owner, admin, member, or")
    assert messages[4] == messages[3]


def test_malformed_rows_are_skipped(root: User) -> None:
    data = b"email,name\nmary@example.org\n\njane@example.org,Jane,more\nbob@example.org,Bob\n"
    user_import = start(root, data)
    run_turns()
    user_import.refresh_from_db()
    assert skipped(user_import) == [(2, "ROW_MALFORMED", ""), (4, "ROW_MALFORMED", "")]
    data = b'[]\n"x"\n{\n\n{"email": "jane@example.org"}\n{"email": "x\\ud800@example.org"}'
    user_import = start(root, data, ImportFormat.JSON_LINES)
    run_turns()
    user_import.refresh_from_db()
    assert [line for line, _code, _field in skipped(user_import)] == [1, 2, 3, 6]
    assert counts(user_import) == (1, 0, 4)


def test_row_about_the_same_user_is_skipped(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    # Within a batch, and in different ones.
    for size in (10, 1):
        monkeypatch.setattr(run, "BATCH_ROWS", size)
        rows = [
            {"email": f"mary{size}@example.org", "username": f"mary{size}", "external_id": "1"},
            {"email": f"MARY{size}@example.org ", "username": f"jane{size}", "external_id": "2"},
            {"email": f"jane{size}@example.org", "username": f"MARY{size}", "external_id": "3"},
            {"email": f"anna{size}@example.org", "username": f"anna{size}", "external_id": "1"},
        ]
        for mode in ImportMode:
            user_import = import_csv(root, *rows, source=str(size), mode=mode)
            is_new = mode is ImportMode.CREATE
            assert counts(user_import) == ((1, 0, 3) if is_new else (0, 1, 3))
            codes = {code for _line, code, _field in skipped(user_import)}
            assert codes == {"ROW_REPEATED"}


def test_addresses_of_all_kinds_are_of_one_user(root: User) -> None:
    rows: list[dict[str, Any]] = [
        {"email": "a@example.org", "secondary_emails": ["b@example.org"]},
        {"email": "b@example.org"},
        {"email": "c@example.org", "secondary_emails": ["a@example.org"]},
        {"email": "d@example.org", "secondary_emails": ["b@example.org"]},
    ]
    user_import = import_json(root, *rows)
    assert skipped(user_import) == [
        (2, "ROW_REPEATED", "email"),
        (3, "ROW_REPEATED", "secondary_emails"),
        (4, "ROW_REPEATED", "secondary_emails"),
    ]


def test_members_follow_the_owner_who_creates_the_organization(root: User) -> None:
    rows = [
        {"email": "early@example.org", "organizations": "Acme"},
        {"email": "owner@example.org", "organizations": "Acme:owner"},
        {"email": "late@example.org", "organizations": " Acme "},
    ]
    user_import = import_csv(root, *rows)
    assert skipped(user_import) == [(2, "NOT_FOUND", "organizations")]
    acme = Organization.objects.get()
    assert sorted(acme.memberships.values_list("role", flat=True)) == ["member", "owner"]


def test_skipped_rows_are_bounded(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MAX_SKIPPED", 3)
    monkeypatch.setattr(run, "BATCH_ROWS", 2)
    user_import = import_csv(root, *({"email": "x"} for _number in range(7)))
    assert [line for line, _code, _field in skipped(user_import)] == [2, 3, 4]
    assert counts(user_import) == (0, 0, 7)


def test_rows_with_the_external_id_of_a_user_are_exported_and_erased(root: User) -> None:
    """Those of the same id in another source are of someone else."""
    import_json(root, {"external_id": "1", "email": "mary@example.org"})
    mary = User.objects.get(username="mary")
    for source in (SOURCE, "crm"):
        import_json(root, {"external_id": "1", "email": "x"}, source=source)
    with write_archive(export_subject(mary.pk)) as archive:
        (exported,) = json.load(archive)["tables"]["imports.SkippedRow"]
    assert exported == {
        "external_id": "1",
        "line": 1,
        "code": "EMAIL_INVALID",
        "field": "email",
        "value": "",
    }
    AccountDeletion.objects.create(user=mary, expires_at=mary.date_joined)
    erase_user(mary.pk)
    assert SkippedRow.objects.get().user_import.source == "crm"
