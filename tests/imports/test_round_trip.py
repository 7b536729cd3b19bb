"""Files of exports are imported as they are."""

import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from schema.console.examples import example_operations
from tests.support import user_exports
from tests.support.client import GraphQLClient
from tests.support.factories import make_external_id, make_organization, make_user, node_id
from tests.support.imports import counts, csv_of, finished, import_csv, import_json, skipped, start
from users.accounts.models import EmailAddress, Metadata, Profile, User
from users.authentication.models import Suspension
from users.exports.columns import UserColumn, read_rows
from users.exports.formats import ExportFormat
from users.exports.models import UserExport
from users.exports.services.command import export_to_file
from users.imports.fields import FIELDS, READ_ONLY, ImportFormat, ImportMode
from users.imports.models import UserImport
from users.organizations.models import Membership
from users.organizations.roles import Role
from users.privacy.models import AccountDeletion
from users.privacy.services.erasure import erase_user

IMPORTABLE = [column for column in UserColumn if column.value in FIELDS]
MOMENT = "2020-02-29T12:00:00.123456Z"


@pytest.fixture
def users(root: User) -> list[User]:
    """Create users with ordinary and with awkward values in all columns."""
    groups = [Group.objects.create(name=name) for name in ("A; B", "=1+1", '"Quoted", name')]
    same = [make_organization("Acme", root, role=Role.OWNER) for _number in range(2)]
    first = make_user("first", name="'=1+1;-2", email_verified_at=MOMENT)
    Profile.objects.filter(user=first).update(
        given_name="@home", family_name="O'Neil", locale="de", time_zone="Europe/Vienna"
    )
    Metadata.objects.create(user=first, public={"a;=b": ["'", None]}, private={"n": {"x": 1.5}})
    first.groups.set(groups)
    for number in range(2):
        EmailAddress.objects.create(user=first, email=f"a{number}@example.net", verified_at=MOMENT)
    Membership.objects.create(organization=same[0], user=first, role=Role.ADMIN)
    Membership.objects.create(organization=same[1], user=first, role=Role.OWNER)
    for source in ("shop", "", "crm; =1"):
        make_external_id(first, "17;=2", source=source)
    second = make_user("second", name="")
    Profile.objects.filter(user=second).update(given_name="Only", family_name="Parts")
    Suspension.objects.create(user=second, reason="Spam")
    make_external_id(second, "17;=2", source="erp")
    users = [first, second, make_user("third")]
    User.objects.filter(pk__in=[user.pk for user in users]).update(date_joined=MOMENT)
    return users


def exported(format_: ExportFormat) -> bytes:
    """Return a file with the default columns."""
    file = io.BytesIO()
    list(export_to_file(file, columns=[each.value for each in UserColumn], file_format=format_))
    return file.getvalue()


def importable() -> list[dict[str, Any]]:
    """Return the columns that imports set, of all users but the administrator."""
    found = User.objects.filter(is_superuser=False, erased_at=None).order_by("username")
    return [row for _key, row in read_rows(found, IMPORTABLE)]


@pytest.mark.parametrize("name", ["CSV", "JSON_LINES"])
def test_erased_users_are_restored(root: User, users: list[User], name: str) -> None:
    before = importable()
    assert len(before) == 3
    data = exported(ExportFormat[name])
    for user in users:
        AccountDeletion.objects.create(user=user, expires_at=user.date_joined)
        erase_user(user.pk)
    assert importable() == []
    user_import = finished(start(root, data, ImportFormat[name], source=""))
    # The administrator is still here.
    assert [code for _line, code, _field in skipped(user_import)] == ["EMAIL_TAKEN"]
    assert importable() == before


@pytest.mark.parametrize("name", ["CSV", "JSON_LINES"])
def test_own_export_changes_nothing(root: User, users: list[User], name: str) -> None:
    before = importable()
    options = {"mode": ImportMode.UPSERT, "source": "crm; =1"}
    data = exported(ExportFormat[name])
    user_import = finished(start(root, data, ImportFormat[name], **options))
    assert counts(user_import) == (0, len(users), 1)
    assert importable() == before


def test_organizations_that_do_not_exist_are_skipped_alone(root: User, users: list[User]) -> None:
    acme = users[0].memberships.first()
    assert acme is not None
    rows = [
        {"email": f"{name}@example.org", "organizations": [{"id": str(key), "role": "owner"}]}
        for name, key in (("known", acme.organization_id), ("unknown", uuid4()))
    ]
    user_import = import_json(root, *rows)
    assert skipped(user_import) == [(2, "NOT_FOUND", "organizations")]
    membership = Membership.objects.get(user__email="known@example.org")
    assert membership.organization_id == acme.organization_id


def test_organization_is_joined_once(root: User) -> None:
    acme = make_organization("Acme", root)
    organizations = [{"id": str(acme.pk), "role": "admin"}, "Acme:member"]
    assert counts(
        import_json(root, {"email": "a@example.org", "organizations": organizations})
    ) == ((1, 0, 0))
    assert Membership.objects.get(user__email="a@example.org").role == Role.MEMBER


def test_ids_in_several_systems_are_added(root: User, alice: User) -> None:
    make_external_id(alice, "5", source="crm")
    ids = [{"source": "crm", "value": 5}, {"source": "erp", "value": "6"}]
    row = {"external_ids": ids, "name": "Alice A."}
    options = {"mode": ImportMode.UPSERT}
    assert counts(import_json(root, row, **options)) == (1, 0, 0)
    assert counts(import_json(root, row, **options)) == (0, 1, 0)
    found = alice.external_ids.order_by("source").values_list("source", "value", "is_origin")
    assert list(found) == [("crm", "5", True), ("erp", "6", False)]
    other = {"external_ids": [ids[0], {"source": "erp", "value": "7"}]}
    user_import = import_json(root, other, **options)
    assert skipped(user_import) == [(1, "EXTERNAL_ID_TAKEN", "external_ids")]


def test_ignored_columns_are_reported(
    administrator: GraphQLClient, root: User, tmp_path: Path
) -> None:
    path, out = tmp_path / "users.csv", io.StringIO()
    path.write_bytes(csv_of({"id": "1", "Is-Staff": "true", "email": "mary@example.org"}))
    call_command("import_users", str(path), administrator="root", stdout=out)
    assert "Ignored columns: id, Is-Staff." in out.getvalue()
    assert not User.objects.get(username="mary").is_staff
    query = "query ($id: ID!) { job(id: $id) { ... on UserImport { ignoredColumns } } }"
    shown = administrator(query, id=node_id(UserImport.objects.get())).data["job"]
    assert shown == {"ignoredColumns": ["id", "Is-Staff"]}


def test_long_names_of_ignored_columns_are_cut(root: User) -> None:
    row = {"email": "mary@example.org", f"i{'-' * 200}d": "1"}
    assert import_json(root, row).ignored_columns == [f"i{'-' * 99}"]


@pytest.mark.parametrize("is_csv", [False, True], ids=["json", "csv"])
def test_columns_of_a_mapping_are_not_reported(root: User, *, is_csv: bool) -> None:
    row = {"id": "1", "email": "mary@example.org", "plan": "x"}
    options = {"mapping": [("email", "email")]}
    user_import = (import_csv if is_csv else import_json)(root, row, **options)
    assert (counts(user_import), user_import.ignored_columns) == ((1, 0, 0), [])


def test_all_columns_of_exports_are_known() -> None:
    names = {column.value for column in UserColumn}
    assert {name.replace("_", "") for name in names - FIELDS.keys()} == READ_ONLY


def test_documented_export_has_all_that_imports_read(
    administrator: GraphQLClient, root: User, users: list[User]
) -> None:
    (example,) = (each for each in example_operations() if each["name"] == "ExportUsers")
    variables = json.loads(example["variables"])
    assert set(variables["input"]["fields"]) == {column.name for column in IMPORTABLE}
    assert administrator(example["document"], **variables).data["exportUsers"]["errors"] == []
    user_exports.run_turns()
    data = user_exports.content(UserExport.objects.get())
    options = {"mode": ImportMode.UPSERT, "source": ""}
    user_import = finished(start(root, data, ImportFormat.JSON_LINES, **options))
    assert (counts(user_import), user_import.ignored_columns) == ((0, len(users), 0), [])
