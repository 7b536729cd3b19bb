"""What a distribution of users over several databases needs: docs/scaling.md."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db.models import Model, UniqueConstraint

from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.documents import documented
from users.accounts.models import User
from users.authentication.models import Session

PAGE = Path(settings.BASE_DIR) / "docs/scaling.md"
OURS = ("core.", "users.")
# A table and its alias; a joined column and its value or the column it equals.
TABLE = re.compile(r'(?:FROM|JOIN) "(\w+)"(?: (?:AS )?"?(\w+)"?)?')
KEYWORDS = {"WHERE", "INNER", "LEFT", "ON", "ORDER", "LIMIT", "GROUP", "AS", "FOR", "CROSS", "JOIN"}
Capture = Callable[[], AbstractContextManager[Statements]]


def distribution_column(model: type[Model]) -> str | None:
    """Return the column that names a row's user or session; None if there is none."""
    if model is User:
        return "id"
    names = {field.name: field for field in model._meta.concrete_fields}
    for name in ("user", "owner", "session"):
        if name in names and names[name].related_model in {User, Session}:
            return str(names[name].column)
    return None


DISTRIBUTED = {
    model._meta.db_table: column
    for model in apps.get_models(include_auto_created=True)
    if model.__module__.startswith(OURS) and (column := distribution_column(model))
}


def columns_of(model: type[Model]) -> dict[str, str]:
    return {field.name: str(field.column) for field in model._meta.concrete_fields}


def without_the_key(sql: str) -> set[str]:
    """Return the distributed tables that a statement reads from all databases."""
    found = set()
    for table, alias in TABLE.findall(sql):
        key = DISTRIBUTED.get(table)
        name = alias if alias and alias not in KEYWORDS else table
        column = rf'"?{name}"?\."{key}"'
        if key and not re.search(rf"{column} (?:=|IN)|= \(?{column}", sql):
            found.add(table)
    return found


@pytest.fixture
def captured(
    request: pytest.FixtureRequest,
    client_of: Callable[[User], GraphQLClient],
    sam: User,
    crowd: dict[str, str],
    statements: Capture,
) -> list[str]:
    """Return the statements of the documented operation that the test names."""
    client = client_of(sam)
    document, variables = documented(request.param, crowd)
    cache.clear()
    with statements() as captured:
        answer = client(document, **variables)
    assert answer.codes == []
    assert captured
    return list(captured)


@pytest.mark.parametrize("captured", ["Me", "User", "Nodes"], indirect=True)
def test_what_is_read_of_users_by_id_names_their_keys(captured: list[str]) -> None:
    assert {sql: tables for sql in captured if (tables := without_the_key(sql))} == {}


@pytest.mark.parametrize("captured", ["Directory", "SearchUsers"], indirect=True)
def test_a_list_of_all_users_is_read_from_all_databases_once(captured: list[str]) -> None:
    everywhere = [sql for sql in captured if without_the_key(sql)]
    assert everywhere
    assert all('FROM "accounts_user"' in sql for sql in everywhere)


def test_the_page_names_the_unique_constraints_that_a_distribution_breaks() -> None:
    broken = {
        constraint.name
        for model in apps.get_models()
        if (key := DISTRIBUTED.get(model._meta.db_table))
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint)
        and key not in {columns_of(model)[name] for name in constraint.fields}
    }
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert named == broken
