"""Imports of users in the admin: starting one, its progress, and the skipped rows."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_staff,
    shown,
    sign_in,
)
from tests.support.factories import make_user_import
from tests.support.imports import run_turns
from tests.support.second_factors import age_authentication
from users.accounts.errors import AccountErrorCode
from users.accounts.models import User
from users.imports.models import UserImport
from users.jobs.states import JobState

pytestmark = pytest.mark.django_db

URL = "/admin/imports/userimport/import-users/"
FILE = b"email,external_id\nmary@example.org,1\nno address,=2\n"


def values(file: bytes = FILE, **changed: str) -> dict[str, Any]:
    upload: Any = SimpleUploadedFile("users.csv", file)
    return {"file": upload, "format": "csv", "mode": "create", "source": "crm", **changed}


def test_administrator_imports_a_file(client: Client) -> None:
    sign_in(client, make_administrator())
    assert URL in client.get(list_url(UserImport)).content.decode()
    assert b'enctype="multipart/form-data"' in client.get(URL).content
    response = client.post(URL, values())
    user_import = UserImport.objects.get()
    assert response.headers["Location"] == change_url(user_import)
    run_turns()
    user_import.refresh_from_db()
    assert (user_import.state, user_import.source) == (JobState.COMPLETED, "crm")
    assert User.objects.filter(username="mary").exists()
    page = client.get(change_url(user_import)).content.decode()
    assert "Refused" not in page
    message = "Write a valid e-mail address. New users require one."
    assert "EMAIL_INVALID" in page
    assert message in page

    response = client.get(f"/admin/imports/userimport/{user_import.pk}/skipped/")
    assert response.headers["Content-Disposition"] == 'attachment; filename="skipped-rows.csv"'
    assert "no-store" in response.headers["Cache-Control"]
    lines = ["line,external_id,code,field,message", f"3,'=2,EMAIL_INVALID,email,{message}"]
    assert response.content.decode().splitlines() == lines


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("en", ("people of Acme.csv", "create or change", "create (dry run)", "12,345")),
        ("de", ("people of Acme.csv", "anlegen oder ändern", "anlegen (Probelauf)", "12.345")),
    ],
)
def test_list_shows_what_the_imports_are_about(
    client: Client, language: str, parts: tuple[str, ...]
) -> None:
    administrator = make_administrator()
    make_user_import(administrator, file_name="people of Acme.csv", mode="upsert", failed=12_345)
    make_user_import(administrator, file_name="", is_dry_run=True)
    sign_in(client, administrator)
    page = client.get(list_url(UserImport), headers={"accept-language": language})
    text = shown(page)
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("people.csv", "people.csv"),
        ("C:\\\\Users\\\\mary\\\\people.csv", "people.csv"),
        ("\u202epeople\u200b.csv", "people.csv"),
        ("a" * 200 + ".csv", "a" * 96 + ".csv"),
    ],
)
def test_name_of_the_file_is_kept(client: Client, name: str, stored: str) -> None:
    sign_in(client, make_administrator())
    client.post(URL, values() | {"file": SimpleUploadedFile(name, FILE)})
    assert UserImport.objects.get().file_name == stored


def test_columns_of_other_names_are_mapped(client: Client) -> None:
    sign_in(client, make_administrator())
    assert "totp_secret" in client.get(URL).content.decode()
    file = b"Mail;Full = name;Phone\nmary@example.org;Mary Major;5\n"
    client.post(URL, values(file, mapping=" Mail = email \r\n\r\nFull = name=name\r\n"))
    run_turns()
    assert User.objects.get(username="mary").name == "Mary Major"


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("Mail=mail", "No field has this name: mail"),
        ("Mail", "No field has this name: Mail"),
        ("Post=email", "no such column: Post"),
        ("email=email\nemail=name", "each once"),
        ("x" * 10_001, "10000"),
    ],
)
def test_refused_mapping_is_explained(client: Client, mapping: str, problem: str) -> None:
    sign_in(client, make_administrator())
    response = client.post(URL, values(mapping=mapping))
    assert problem in response.content.decode()
    assert not UserImport.objects.exists()


def test_dry_run_is_the_default_of_the_form(client: Client) -> None:
    sign_in(client, make_administrator())
    assert b"checked" in client.get(URL).content
    client.post(URL, values(is_dry_run="on"))
    assert UserImport.objects.get().is_dry_run
    run_turns()
    assert not User.objects.filter(username="mary").exists()


@pytest.mark.parametrize(
    ("file", "problem"),
    [(b"PK\x03\x04", "ZIP"), (b"mail\nx", "No field has this name"), (b"", "empty")],
)
def test_refused_file_is_explained(client: Client, file: bytes, problem: str) -> None:
    sign_in(client, make_administrator())
    response = client.post(URL, values(file))
    assert problem in response.content.decode()
    assert not UserImport.objects.exists()


def test_page_about_an_upload_that_was_too_large(client: Client) -> None:
    url = "/admin/too-large/"
    assert client.get(url).status_code == 302
    sign_in(client, make_administrator())
    response = client.get(url, headers={"accept-language": "de"})
    assert response.status_code == 413
    page = response.content.decode()
    assert "Die Datei ist zu groß" in page
    # In the admin's design, with the menu.
    assert list_url(UserImport) in page


def test_staff_neither_see_nor_start_imports(client: Client) -> None:
    administrator = make_administrator()
    user_import = make_user_import(administrator, AccountErrorCode.EMAIL_TAKEN)
    sign_in(client, make_staff())
    assert client.get(list_url(UserImport)).status_code == 403
    assert client.get(URL).status_code == 403
    assert client.post(URL, values()).status_code == 403
    assert client.get(f"/admin/imports/userimport/{user_import.pk}/skipped/").status_code == 403
    assert UserImport.objects.count() == 1


def test_recent_authentication_is_required(client: Client) -> None:
    sign_in(client, make_administrator())
    age_authentication()
    response = client.get(URL)
    assert response.status_code == 302
    assert not UserImport.objects.exists()


def test_running_import_can_be_canceled(client: Client) -> None:
    sign_in(client, make_administrator())
    client.post(URL, values())
    user_import = UserImport.objects.get()
    client.post(f"/admin/imports/userimport/{user_import.pk}/cancel/", {"_form_submitted": "1"})
    run_turns()
    user_import.refresh_from_db()
    assert user_import.state == JobState.CANCELED
    assert not User.objects.filter(username="mary").exists()
