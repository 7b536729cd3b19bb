"""Number and columns of SQL statements depend on the operation, never on the data."""

import itertools
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from graphql import OperationDefinitionNode, OperationType, parse

from core.security.actor import Actor
from schema.console.examples import example_operations
from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient
from tests.support.documents import SCHEMA, complete, connections, documented, documents, paged
from tests.support.tables.statements import (
    API_TOKEN,
    BUDGETS,
    BULK_ACTION,
    DOCUMENTED,
    EVENT,
    EVERYTHING,
    INVITATION,
    ORDINARY,
    ORGANIZATION,
    SESSION,
    SHAPES,
    USER_EXPORT,
    USER_IMPORT,
    WEBHOOK,
    budget,
)
from users.accounts.models import User
from users.accounts.services.administration import change_user
from users.accounts.services.groups import create_group, update_group
from users.accounts.services.set_change import SetChange

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

# Small and large data.
SIZES = (3, 30)
DOCUMENTS: dict[str, list[str]] = {}
for _about, _document in documents():
    DOCUMENTS.setdefault(_about, []).append(_document)


def ask(client: GraphQLClient, document: str, statements: Capture) -> tuple[Answer, Statements]:
    """Query with empty caches, and for the following page."""
    document = paged(document, lambda query: json.dumps(client(query).body))
    cache.clear()
    with statements() as captured:
        answer = client(document)
    return answer, captured


# How many --------------------------------------------------------------------------------


def within(budget: int, client: GraphQLClient, document: str, statements: Capture) -> Answer:
    answer, captured = ask(client, document, statements)
    assert answer.codes == []
    assert len(captured) == budget, "\n".join(captured)
    return answer


@pytest.mark.parametrize(
    ("document", "expected"),
    [pytest.param(document, count, id=name) for name, document, count in SHAPES],
)
def test_statements_depend_on_the_shape_only(
    client_of: ClientOf,
    sam: User,
    crowd: dict[str, str],
    statements: Capture,
    document: str,
    expected: int,
) -> None:
    for size in SIZES:
        answer = within(expected, client_of(sam), complete(document, crowd, size), statements)
        (page,) = (
            (field or {}).get("edges") if isinstance(field, dict) else None
            for field in list(answer.data.values())[:1]
        )
        assert page is None or len(page) == size


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(document, ORDINARY.get(name, count), id=name)
        for name, document, count in SHAPES
        # Staff only; Alice has no job.
        if not {"groups", "serviceAccounts", "bulkAction", "bulkActions", "jobs"}
        & set(re.findall(r"^{ (\w+)", document))
    ],
)
def test_statements_of_ordinary_users_depend_on_the_shape_only(
    client_of: ClientOf,
    alice: User,
    crowd: dict[str, str],
    statements: Capture,
    document: str,
    expected: int,
) -> None:
    for size in SIZES:
        within(expected, client_of(alice), complete(document, crowd, size), statements)


@pytest.mark.parametrize("about", DOCUMENTS)
def test_every_operation_keeps_its_statement_budget(
    client_of: ClientOf,
    sam: User,
    alice: User,
    crowd: dict[str, str],
    statements: Capture,
    about: str,
) -> None:
    staff, ordinary = client_of(sam), client_of(alice)
    for size, document in itertools.product(SIZES, DOCUMENTS[about]):
        query = complete(document, crowd, size)
        answer, captured = ask(staff, query, statements)
        assert answer.codes == [], query
        assert len(captured) == budget(about), "\n".join((query, *captured))
        answer, captured = ask(ordinary, query, statements)
        assert answer.codes in ([], ["FORBIDDEN"]), query
        assert len(captured) <= budget(about), "\n".join((query, *captured))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_operations_keep_their_budgets(
    client_of: ClientOf, sam: User, crowd: dict[str, str], statements: Capture, name: str
) -> None:
    document, variables = documented(name, crowd)
    client = client_of(sam)
    for size in SIZES:
        cache.clear()
        given = variables | ({"first": size} if "first" in variables else {})
        with statements() as captured:
            answer = client(document, **given)
        assert answer.codes == []
        assert len(captured) == DOCUMENTED[name], "\n".join(captured)


# The tables are complete -----------------------------------------------------------------


def test_whatever_can_be_asked_is_asked() -> None:
    assert set(BUDGETS) <= set(DOCUMENTS)
    assert {".".join(each) for each in connections()} <= set(DOCUMENTS)


def test_every_documented_query_has_a_budget() -> None:
    queries = {
        operation["name"]
        for operation in example_operations()
        for definition in parse(operation["document"]).definitions
        if isinstance(definition, OperationDefinitionNode)
        and definition.operation is OperationType.QUERY
    }
    assert set(DOCUMENTED) == queries


@pytest.mark.parametrize(
    ("type_name", "row"),
    [
        *(
            (name, EVERYTHING)
            for name in ("User", "Profile", "EmailAddress", "Avatar", "Membership")
        ),
        ("Organization", ORGANIZATION),
        ("OrganizationInvitation", INVITATION),
        *((name, EVERYTHING) for name in ("Group", "Suspension", "AccountDeletion", "DataExport")),
        ("Permission", "name description"),
        ("Session", SESSION),
        ("ApiToken", API_TOKEN),
        ("Event", EVENT),
        ("BulkAction", BULK_ACTION),
        ("BulkFailure", BULK_ACTION),
        ("UserExport", USER_EXPORT),
        ("UserImport", USER_IMPORT),
        ("SkippedRow", USER_IMPORT),
        ("Webhook", WEBHOOK),
        ("WebhookDelivery", WEBHOOK),
    ],
)
def test_every_field_is_in_the_largest_row(type_name: str, row: str) -> None:
    assert set(SCHEMA.type_map[type_name].fields) <= set(re.findall(r"\w+", row))


# What is read ----------------------------------------------------------------------------

FRAGMENTS = {
    "F": "fragment F on User { name }",
    "C": "fragment C on UserConnection { nodes { name } }",
}


def columns(sql: str) -> list[str]:
    """Return the selected columns of a statement, sorted."""
    found = re.findall(r'"(\w+)"\."(\w+)"', sql[: sql.index(" FROM ")])
    return sorted(f"{table}.{column}" for table, column in found)


@pytest.fixture
def page_sql(client_of: ClientOf, sam: User, statements: Capture) -> Callable[[str], str]:
    """Return the statement of a page of users."""
    client = client_of(sam)

    def run(query: str) -> str:
        with statements() as captured:
            assert client(query).codes == []
        _actor, page = captured
        return page

    return run


@pytest.mark.parametrize(
    ("selections", "expected"),
    [
        ("edges { node { username } }", {"username"}),
        # The owner's key decides visibility.
        ("edges { node { email } }", {"id", "email"}),
        ("edges { node { id } }", {"id"}),
        ("edges { cursor }", {"username"}),
        ("pageInfo { endCursor }", {"username"}),
        # A statement selects at least one column.
        ("pageInfo { hasNextPage hasPreviousPage }", {"id"}),
        ("edges { cursor node { name } }", {"username", "name"}),
        ("edges { node { ...F } } pageInfo { startCursor }", {"username", "name"}),
        ("nodes { id }", {"id"}),
        ("nodes { username }", {"username"}),
        ("nodes { name } edges { cursor }", {"username", "name"}),
        (
            "some: nodes { name } others: nodes { email } edges { node { username } }",
            {"id", "name", "email", "username"},
        ),
        ("nodes { id } ...C", {"id", "name"}),
        ("nodes { id email @skip(if: true) } edges @include(if: false) { cursor }", {"id"}),
    ],
)
def test_only_selected_columns_are_read_and_only_once(
    page_sql: Callable[[str], str], selections: str, expected: set[str]
) -> None:
    spread = re.findall(r"\.\.\.(\w)", selections)
    fragments = " ".join(FRAGMENTS[name] for name in spread)
    sql = page_sql(f"{{ users(first: 3) {{ {selections} }} }} {fragments}")
    # Columns of the cursor are selected once.
    assert columns(sql) == sorted(f"accounts_user.{column}" for column in expected)
    assert "COUNT(" not in sql
    assert sql.endswith(" LIMIT 4")


def test_secrets_are_never_read(client_of: ClientOf, sam: User, statements: Capture) -> None:
    client = client_of(sam)
    with statements() as captured:
        client(f"{{ users(first: 9) {{ edges {{ cursor node {{ {EVERYTHING} }} }} }} }}")
    assert len(captured) == 15
    secrets = {
        *("accounts_user.password", "authentication_session.cookie_digest"),
        *("authentication_totp.secret", "authentication_recoverycode.digest"),
        *("authentication_passkey.public_key", "authentication_passkey.credential_id"),
        "authentication_apitoken.digest",
    }
    for sql in captured:
        assert secrets.isdisjoint(columns(sql))


# Permissions -----------------------------------------------------------------------------

PERMISSIONS = "{ me { permissions } }"


def test_change_of_permissions_shows_in_the_next_request(
    client_of: ClientOf, alice: User, root: User
) -> None:
    actor = Actor(user_id=root.pk, is_staff=True, is_superuser=True)
    view, change = (
        Permission.objects.get(codename=codename) for codename in ("view_user", "change_user")
    )
    client = client_of(alice)

    def permissions() -> list[str]:
        shown: list[str] = client(PERMISSIONS).data["me"]["permissions"]
        assert client(PERMISSIONS).data["me"]["permissions"] == shown
        return shown

    assert permissions() == []
    editors = create_group(actor=actor, name="Editors", permissions=[view.pk])
    assert permissions() == []
    change_user(alice.pk, actor=actor, groups=SetChange.to([editors.pk]))
    assert permissions() == ["accounts.view_user"]
    both = SetChange.to([view.pk, change.pk])
    update_group(editors.pk, actor=actor, permissions=both)
    assert permissions() == ["accounts.change_user", "accounts.view_user"]
    change_user(alice.pk, actor=actor, flags={"is_superuser": True})
    assert len(permissions()) == Permission.objects.count()
    change_user(alice.pk, actor=actor, flags={"is_superuser": False})
    assert permissions() == ["accounts.change_user", "accounts.view_user"]
    update_group(editors.pk, actor=actor, permissions=SetChange.to([]))
    assert permissions() == []
    change_user(alice.pk, actor=actor, groups=SetChange.to([]))
    assert permissions() == []
