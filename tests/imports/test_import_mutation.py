"""`importUsers` over the API."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import node_id
from tests.support.imports import HASH, run_turns
from tests.support.signing_in import log_in
from users.accounts.models import User
from users.authentication.models import Session
from users.imports.models import UserImport

ClientOf = Callable[[User], GraphQLClient]

IMPORT = """
    mutation ($input: ImportUsersInput!) { importUsers(input: $input) {
      userImport { id state total mode format isDryRun source fileName }
      errors { code field message }
    } }
"""
PROGRESS = """
    query ($id: ID!) { job(id: $id) {
      state total done unchanged failed progress
      ... on UserImport {
        created changed
        errors(first: 9) { nodes { line externalId field code message } totalCount { value } }
      }
    } }
"""
FILE = f"externalId,email,passwordHash\n1,mary@example.org,{HASH}\n2,no address,\n".encode()


def upload(client: GraphQLClient, file: bytes = FILE, **values: Any) -> Answer:
    variables = {"input": {"file": None, "format": "CSV", "source": "crm"} | values}
    operations = json.dumps({"query": IMPORT, "variables": variables}).encode()
    places = b'{"0": ["variables.input.file"]}'
    return client.form(("operations", operations), ("map", places), ("0", file))


def test_users_of_an_uploaded_file_sign_in(administrator: GraphQLClient, root: User) -> None:
    answer = upload(administrator)
    assert answer.problems == []
    started = answer.data["importUsers"]["userImport"]
    assert started == {
        "id": node_id(UserImport.objects.get()),
        "state": "PENDING",
        "total": 2,
        "mode": "CREATE",
        "format": "CSV",
        "isDryRun": False,
        "source": "crm",
        "fileName": "0.jpg",
    }
    run_turns()
    assert administrator(PROGRESS, id=started["id"]).data["job"] == {
        "state": "COMPLETED",
        "total": 2,
        "done": 1,
        "created": 1,
        "changed": 0,
        "unchanged": 0,
        "failed": 1,
        "progress": 1,
        "errors": {
            "nodes": [
                {
                    "line": 3,
                    "externalId": "2",
                    "field": "EMAIL",
                    "code": "EMAIL_INVALID",
                    "message": "Write a valid e-mail address. New users require one.",
                }
            ],
            "totalCount": {"value": 1},
        },
    }
    assert log_in("mary", "secret")["errors"] == []


def test_mapping_mode_and_dry_run(administrator: GraphQLClient) -> None:
    file = b'{"mail": "mary@example.org", "more": 1}'
    mapping = [{"column": "mail", "field": "EMAIL"}]
    options = {"format": "JSON_LINES", "mapping": mapping, "mode": "UPSERT", "dryRun": True}
    answer = upload(administrator, file, **options)
    assert answer.data["importUsers"]["userImport"]["isDryRun"] is True
    run_turns()
    user_import = UserImport.objects.get()
    assert (user_import.done, user_import.mode) == (1, "upsert")
    assert not User.objects.filter(email="mary@example.org").exists()


@pytest.mark.parametrize(
    ("file", "values", "problem"),
    [
        (b"PK\x03\x04", {}, ("FILE_INVALID", "file")),
        (b"email\n\xff", {}, ("FILE_INVALID", "file")),
        (b"mail\nx", {}, ("COLUMNS_INVALID", "file")),
        (
            b"mail\nx",
            {"mapping": [{"column": "mail", "field": "EMAIL"}] * 2},
            ("COLUMNS_INVALID", "file"),
        ),
        (b"email\nx", {"source": "x" * 51}, ("VALUE_INVALID", "source")),
        (b"email\nx", {"source": "shop\x07"}, ("VALUE_INVALID", "source")),
        (b"email,externalId\nx,", {"source": ""}, ("SOURCE_REQUIRED", "source")),
        (b"email,externalId\nx,", {"source": "\u202e\n"}, ("SOURCE_REQUIRED", "source")),
        (
            b'{"email": "x"}\n{"id": 1}',
            {
                "source": "",
                "format": "JSON_LINES",
                "mapping": [
                    {"column": "email", "field": "EMAIL"},
                    {"column": "id", "field": "EXTERNAL_ID"},
                ],
            },
            ("SOURCE_REQUIRED", "source"),
        ),
        (b"email\n" + b"x" * 10_000, {}, ("FILE_TOO_LARGE", "file")),
    ],
)
def test_invalid_input_is_reported(
    administrator: GraphQLClient,
    settings: Any,
    file: bytes,
    values: dict[str, Any],
    problem: tuple[str, str],
) -> None:
    settings.IMPORT_MAX_BYTES = 10_000
    assert upload(administrator, file, **values).problems == [problem]
    assert not UserImport.objects.exists()


def test_second_import_waits_for_the_first(administrator: GraphQLClient) -> None:
    assert upload(administrator).problems == []
    assert upload(administrator).problems == [("IMPORT_RUNNING", "")]
    run_turns()


def test_recent_authentication_is_required(administrator: GraphQLClient) -> None:
    Session.objects.update(authenticated_at=timezone.now() - dt.timedelta(hours=1))
    assert upload(administrator).codes == ["REAUTHENTICATION_REQUIRED"]
    assert not UserImport.objects.exists()


def test_imports_are_limited(administrator: GraphQLClient) -> None:
    answers = [upload(administrator, b"PK\x03\x04") for _number in range(61)]
    assert answers[-2].problems == [("FILE_INVALID", "file")]
    assert answers[-1].codes == ["TOO_MANY_ATTEMPTS"]
