"""Multipart requests: valid and invalid forms."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import node_id
from tests.support.images import make_image
from tests.support.signing_in import log_in_by_cookie, tags
from users.accounts.models import Metadata, Profile, User

pytestmark = pytest.mark.usefixtures("path")

ClientOf = Callable[[User], GraphQLClient]

SET = "mutation ($image: Upload!) { setAvatar(input: {image: $image}) { errors { code field } } }"
NESTED = """
    mutation ($input: SetAvatarInput!) { setAvatar(input: $input) { errors { code field } } }
"""
FORM = "multipart/form-data; boundary=x"
OPERATIONS = {"query": SET, "variables": {"image": None}}
MAP = {"0": ["variables.image"]}


@pytest.fixture
def alices(client_of: ClientOf, alice: User) -> GraphQLClient:
    return client_of(alice)


def send(
    client: GraphQLClient, operations: Any = OPERATIONS, places: Any = MAP, **headers: str
) -> Answer:
    """Send a form with one file; bytes are sent verbatim."""
    parts = [
        (name, value if isinstance(value, bytes) else json.dumps(value).encode())
        for name, value in (("operations", operations), ("map", places))
        if value is not None
    ]
    return client.form(*parts, ("0", make_image()), **headers)


def is_refused(answer: Answer, code: str = "BAD_REQUEST", status: int = 400) -> bool:
    assert (answer.status, answer.codes) == (status, [code])
    assert answer.body["errors"][0]["message"]
    assert not Profile.objects.exclude(avatar="").exists()
    assert tags() == []
    return True


def test_file_replaces_null(alices: GraphQLClient) -> None:
    assert send(alices).problems == []
    nested = {"query": NESTED, "variables": {"input": {"image": None}}}
    assert send(alices, nested, {"0": ["variables.input.image"]}).problems == []
    assert Profile.objects.exclude(avatar="").count() == 1


def test_form_without_files_is_a_request_like_any_other(alices: GraphQLClient) -> None:
    answer = send(alices, {"query": "{ me { username } }"}, {})
    assert answer.data == {"me": {"username": "alice"}}


@pytest.mark.parametrize("name", ["GraphQL-Require-Preflight", "Apollo-Require-Preflight"])
def test_csrf_header_is_required(alice: User, name: str) -> None:
    browser = log_in_by_cookie()
    parts = [
        (key, json.dumps(value).encode())
        for key, value in (("operations", OPERATIONS), ("map", MAP))
    ]
    answer = browser.form(*parts, ("0", make_image()), **{"GraphQL-Require-Preflight": ""})
    assert (answer.status, answer.codes) == (403, ["CROSS_SITE_REQUEST"])
    assert not Profile.objects.exclude(avatar="").exists()
    headers = {"GraphQL-Require-Preflight": ""} | {name: "1"}
    assert browser.form(*parts, ("0", make_image()), **headers).problems == []


def test_other_sites_are_refused_with_the_header_too(alice: User) -> None:
    browser = log_in_by_cookie()
    answer = send(browser, Origin="https://evil.example")
    assert (answer.status, answer.codes) == (403, ["CROSS_SITE_REQUEST"])
    assert not Profile.objects.exclude(avatar="").exists()


@pytest.mark.parametrize(
    "operations",
    [
        *(None, b"", b"{", b"null", b"1", b'"x"', b"\xff\xfe", b"[" * 50_000),
        *([], [OPERATIONS], {}, {"query": 1}, {"query": SET, "variables": []}),
        *({"query": SET}, {"query": SET, "variables": None}, {"query": SET, "variables": {}}),
        {"query": SET, "variables": {"image": "text"}},
    ],
    ids=lambda value: str(value)[:20],
)
def test_invalid_operations_are_refused(alices: GraphQLClient, operations: Any) -> None:
    assert is_refused(send(alices, operations))


@pytest.mark.parametrize(
    "places",
    [
        *(None, b"", b"{", b"null", b"\xff", [], "x", {"0": "variables.image"}, {"0": [1]}),
        *({"1": ["variables.image"]}, {"map": ["variables.image"]}, {"0": {}}),
        *({"0": [""]}, {"0": ["image"]}, {"0": ["variables"]}, {"0": ["query"]}),
        *({"0": ["variables.other"]}, {"0": ["variables.image.x"]}, {"0": ["variables.0"]}),
        *({"0": ["variables.image", "variables.image"]}, {"0": ["variables." + "a." * 5_000]}),
        {"0": ["variables.__class__"]},
    ],
    ids=lambda value: str(value)[:30],
)
def test_invalid_maps_are_refused(alices: GraphQLClient, places: Any) -> None:
    assert is_refused(send(alices, OPERATIONS, places))


@pytest.mark.parametrize(
    "step", ["9", "-1", "1.0", "x", "", "²", "1" * 5_000, "0x0"], ids=lambda step: step[:5]
)
def test_steps_into_lists_are_numbers_of_items(alices: GraphQLClient, step: str) -> None:
    operations = {"query": SET, "variables": {"image": [None, None]}}
    assert is_refused(send(alices, operations, {"0": [f"variables.image.{step}"]}))


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\r\n" for text in texts).encode()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\r\n", FORM),
        (b"{}", FORM),
        (b"{}", "multipart/form-data"),
        (b"{}", "multipart/form-data; boundary="),
        (b"{}", "multipart/form-data; boundary=" + "x" * 300),
        (b"{}", "multipart/form-data; boundary=\N{LATIN SMALL LETTER E WITH ACUTE}"),
        (lines("--x"), FORM),
        (lines("--x", "", "", "--x--"), FORM),
        (
            lines(
                *("--x", 'Content-Disposition: form-data; name="operations"'),
                *("Content-Transfer-Encoding: base64", "", "!!!", "--x--"),
            ),
            FORM,
        ),
        (
            lines("--x", "Content-Disposition: form-data; name*=nothing''map", "", "{}", "--x--"),
            FORM,
        ),
        (
            lines(
                *("--x", "Content-Disposition: form-data; name=\"0\"; filename*=utf-8''%ff"),
                *("", "x", "--x--"),
            ),
            FORM,
        ),
        (lines("--x", "A: " + "b" * 5_000, "", "", "--x--"), FORM),
    ],
    ids=range(12),
)
def test_non_form_bodies_are_refused(alices: GraphQLClient, body: bytes, content_type: str) -> None:
    assert is_refused(alices.post(body, content_type, **{"GraphQL-Require-Preflight": "1"}))


def test_too_many_parts_are_refused(alices: GraphQLClient) -> None:
    files = [(str(number), b"x") for number in range(5)]
    operations, places = (json.dumps(each).encode() for each in (OPERATIONS, MAP))
    assert is_refused(alices.form(("operations", operations), ("map", places), *files))
    fields = [(f"field-{number}", b"x") for number in range(1_001)]
    assert is_refused(alices.form(*fields))


def test_too_many_bytes_are_refused(alices: GraphQLClient, settings: Any) -> None:
    long = json.dumps(OPERATIONS).ljust(settings.GRAPHQL_MAX_BODY_BYTES + 1).encode()
    assert is_refused(send(alices, long), "BODY_TOO_LARGE", 413)
    files = ("0", bytes(settings.FILE_UPLOAD_MAX_MEMORY_SIZE))
    assert is_refused(alices.form(files), "BODY_TOO_LARGE", 413)


def test_forms_are_of_utf_8(alices: GraphQLClient) -> None:
    answer = alices.post(
        b"", "multipart/form-data; boundary=x; charset=utf-16", **{"GraphQL-Require-Preflight": "1"}
    )
    assert is_refused(answer, status=415)


def test_files_are_for_mutations_that_take_them(alices: GraphQLClient) -> None:
    query = "query ($n: Int!) { users(first: $n) { nodes { id } } }"
    answer = send(alices, {"query": query, "variables": {"n": None}}, {"0": ["variables.n"]})
    assert answer.codes == ["GRAPHQL_VARIABLES_INVALID"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (
            "mutation ($file: JSON!) { updateMetadata(input: {userId: $id, public: $file})",
            "VALUE_INVALID",
        ),
        (
            "mutation ($file: JSON!) { updateMetadata(input: {userId: $id, public: {a: [$file]}})",
            "VALUE_INVALID",
        ),
        (
            'mutation ($file: JSON!) { registerPasskey(input: {name: "Key", credential: $file})',
            "PASSKEY_INVALID",
        ),
        (
            "mutation ($file: JSON!) { logInWithPasskey(input: {credential: $file})",
            "PASSKEY_INVALID",
        ),
        (
            "mutation ($file: JSON!) { reauthenticate(input: {proof: {passkey: $file}})",
            "REAUTHENTICATION_REQUIRED",
        ),
        ("mutation ($file: String!) { updateProfile(input: {name: $file})", ""),
        ("mutation ($file: ID!) { suspendUser(input: {userId: $file, reason: $file})", ""),
    ],
    ids=range(7),
)
def test_files_are_no_json_and_no_text(
    client_of: ClientOf, root: User, query: str, code: str
) -> None:
    """`map` can insert a file at any null, so every JSON input may receive one."""
    document = query.replace("$id", f'"{node_id(root)}"') + " { errors { code field } } }"
    operations = {"query": document, "variables": {"file": None}}
    answer = send(client_of(root), operations, {"0": ["variables.file"]})
    if code:
        found = [code for code, _field in answer.problems] if not answer.codes else answer.codes
        assert (answer.status, found) == (200, [code])
    else:
        assert set(answer.codes) <= {"GRAPHQL_VARIABLES_INVALID", "GRAPHQL_VALIDATION_FAILED"}
    assert not Metadata.objects.exists()


def test_file_in_a_filter_is_no_json(client_of: ClientOf, root: User) -> None:
    query = "query ($f: JSON) { users(first: 1, filter: {publicMetadata: $f}) { nodes { id } } }"
    operations = {"query": query, "variables": {"f": None}}
    answer = send(client_of(root), operations, {"0": ["variables.f"]})
    assert (answer.status, answer.codes) == (200, ["ARGUMENT_INVALID"])
