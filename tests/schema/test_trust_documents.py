"""`manage.py trust_documents`: manifests of graphql-codegen, Relay and Apollo."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import CommandError, call_command

from schema.trusted.identifiers import digest_of
from schema.trusted.models import TrustedDocument
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.persisted import apq, send
from users.accounts.models import User

pytestmark = pytest.mark.usefixtures("db", "no_persisted_documents")

ME: Final = "query Me { me { username } }"
NAME: Final = "query Name { me { name } }"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def apollo(*operations: Any, **changes: Any) -> dict[str, Any]:
    return {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": list(operations),
    } | changes


def operation(text: str, name: str, **changes: Any) -> dict[str, Any]:
    return {"id": digest_of(text), "name": name, "type": "query", "body": text} | changes


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write manifests; return the path of the last."""

    def write(name: str, content: Any) -> str:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        return str(path)

    return write


def trust(capsys: pytest.CaptureFixture[str], *files: str, **options: Any) -> str:
    call_command("trust_documents", *files, **options)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("manifest", "parameters"),
    [
        ({f"sha256:{digest_of(ME)}": ME}, {"documentId": f"sha256:{digest_of(ME)}"}),
        ({md5(ME): ME}, {"documentId": md5(ME)}),
        ({"1234567": ME}, {"documentId": "1234567"}),
        (apollo(operation(ME, "Me")), {"extensions": apq(digest_of(ME))}),
        (apollo(operation(ME, "Me")), {"documentId": f"sha256:{digest_of(ME)}"}),
        (apollo(operation(ME, "Me", id="app-Me")), {"extensions": apq("app-Me")}),
    ],
    ids=["codegen", "Relay", "Relay's own ids", "Apollo", "Apollo by documentId", "Apollo's own"],
)
def test_documents_of_each_tool_are_executed(
    client_of: Callable[[User], GraphQLClient],
    alice: User,
    write: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    manifest: Any,
    parameters: dict[str, Any],
) -> None:
    client = client_of(alice)
    assert send(client, **parameters).codes != []
    assert "Trusted 1 documents; 0 were" in trust(capsys, write("documents.json", manifest))
    assert send(client, **parameters).data == {"me": {"username": "alice"}}


def test_several_manifests_and_again(
    write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    one = write("one.json", {md5(ME): ME, digest_of(ME): ME})
    two = write("two.json", apollo(operation(ME, "Me"), operation(NAME, "Name")))
    assert trust(capsys, one, two) == "Trusted 3 documents; 0 were trusted before.\n"
    assert trust(capsys, two, one, one) == "Trusted 0 documents; 3 were trusted before.\n"
    assert TrustedDocument.objects.count() == 3


def test_withdrawn_documents_are_deleted(
    write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    # Not validated: a later schema may not know what is withdrawn.
    TrustedDocument.objects.create(id="old", sha256=digest_of("{ gone }"), text="{ gone }")
    one = write("one.json", {"old": "{ gone }", md5(ME): ME})
    trust(capsys, write("two.json", {md5(ME): ME, md5(NAME): NAME}))
    assert trust(capsys, one, withdraw=True) == "Withdrew 2 documents.\n"
    assert [each.id for each in TrustedDocument.objects.all()] == [md5(NAME)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{ me { nope } }", ":1:8: Cannot query field 'nope' on type 'User'."),
        ("query Me {", ":1:11: Syntax Error: Expected Name, found <EOF>."),
        ("", ": Syntax Error: Unexpected <EOF>."),
        ("fragment F on User { id }", 'Fragment "F" is never used.'),
        ("type A { a: Int }", 'The "A" definition is not executable.'),
        ("{ me { id } } " * 900, "more than 1,000 tokens"),
        (f"{{ __typename }} # {'x' * 100_000}", "more than 100,000 characters"),
        ("{ me " + "{ groups " * 70, "more than 60 levels of brackets"),
    ],
    ids=lambda value: value[:30],
)
def test_invalid_document_is_named_and_nothing_is_trusted(
    write: Callable[..., str], capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    good = write("good.json", {md5(ME): ME})
    bad = write("bad.json", apollo(operation(NAME, "Name"), operation(text, "Bad")))
    with pytest.raises(CommandError) as raised:
        trust(capsys, good, bad)
    message = str(raised.value).replace('"', "'")
    assert message.startswith("Nothing was trusted. ")
    assert f"{bad}: Bad ({digest_of(text)})" in message
    assert problem.replace('"', "'") in message
    assert "good.json" not in message
    assert not TrustedDocument.objects.exists()


def test_all_invalid_documents_are_named(
    write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [write(f"{name}.json", {name: f"{{ {name} }}"}) for name in ("a", "b")]
    with pytest.raises(CommandError) as raised:
        trust(capsys, *paths)
    assert re.findall(r"(\w)\.json: (\w):1:3: ", str(raised.value)) == [("a", "a"), ("b", "b")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not valid JSON"),
        (b"\xff", "is not valid JSON"),
        (b"", "is not valid JSON"),
        ([], "no JSON object"),
        (None, "no JSON object"),
        ({}, "has no documents"),
        ({"a": 1}, "a: its document is no text"),
        ({"a": None}, "a: its document is no text"),
        ({"": ME}, "'' is no id"),
        ({"a b": ME}, "'a b' is no id"),
        ({"a" * 201: ME}, "is no id"),
        ({digest_of(NAME): ME}, f"{digest_of(NAME)}: the id is not the SHA-256"),
        ({f"sha256:{digest_of(NAME)}": ME}, "the id is not the SHA-256"),
        ({"sha256:short": ME}, "sha256:short: the id is not the SHA-256"),
        ({f"sha256:{digest_of(ME).upper()}": ME}, "the id is not the SHA-256"),
        (apollo(), "has no documents"),
        (apollo(version=2), "no manifest of Apollo's version 1"),
        (apollo(operations={}), "no manifest of Apollo's version 1"),
        (apollo("x"), "no JSON object"),
        (apollo({}), "None' is no id"),
        (apollo(operation(ME, "Me", id=5)), "'5' is no id"),
        (apollo(operation(ME, "Me", body=None)), "its document is no text"),
        (apollo(operation(ME, "Me", id=digest_of(NAME))), f"Me ({digest_of(NAME)}): the id is not"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("withdraw", [False, True])
def test_file_that_is_no_manifest_is_refused(
    write: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    content: Any,
    problem: str,
    withdraw: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    good = write("good.json", {md5(ME): ME})
    bad = write("bad.json", content)
    with pytest.raises(CommandError, match=re.escape(problem)) as raised:
        trust(capsys, good, bad, withdraw=withdraw)
    assert bad in str(raised.value)
    assert not TrustedDocument.objects.exists()


def test_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            trust(capsys, str(path))


def test_id_of_another_document_is_refused(
    write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = write("one.json", {"me": ME}), write("two.json", {"x": NAME, "me": NAME})
    with pytest.raises(CommandError, match="me: the manifests have two documents"):
        trust(capsys, one, two)
    assert not TrustedDocument.objects.exists()
    trust(capsys, one)
    with pytest.raises(CommandError, match="me: the id is trusted with another document"):
        trust(capsys, two)
    assert [each.text for each in TrustedDocument.objects.all()] == [ME]


@pytest.mark.django_db(transaction=True)
def test_two_releases_are_trusted_at_the_same_time(write: Callable[..., str]) -> None:
    texts = [f"query Q{number} {{ me {{ id }} }}" for number in range(200)]
    one = write("one.json", {md5(text): text for text in texts})
    two = write("two.json", {md5(text): text for text in reversed(texts)})
    run_concurrently(
        *[lambda file=file: call_command("trust_documents", file) for file in (one, two)]
    )
    assert TrustedDocument.objects.count() == len(texts)
