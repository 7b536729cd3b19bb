"""Folding in databases of other locales, the check of databases, and the migrations to it."""

import re
import unicodedata
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.checks import run_checks
from django.db import connection

from core.database.roles.owner import as_owner
from core.database.search import characters
from core.database.search.checks import FACTS, Facts, problems_of
from core.database.search.texts import Fold
from tests.support.factories import make_user
from users.accounts.models import User

fold_names = import_module("core.database.search.migrations.0002_all_names")
first = import_module("core.database.search.migrations.0001_initial")
user_names = import_module("users.accounts.migrations.0023_all_names")
group_names = import_module("users.accounts.migrations.0028_group_names_case")

FOLDED = [
    ("МАРИЯ", " мария "),
    ("田中太郎", " 田 中 太 郎 "),
    ("مُحَمَّد", " محمد "),
    ("Νίκος ΝΊΚΟΣ", " νικοσ νικοσ "),
    ("नेहा विष्णु", " नेहा विष्णु "),
    ("İrem O’Brien-Éva", " irem obrien eva "),
]
GOOD = Facts("UTF8", 18_00_06, ctype="C.UTF-8")


@pytest.fixture
def cursor_in_c(transactional_db: None) -> Iterator[Any]:
    """Return a cursor in a database of the locale C, with the search's function."""
    with as_owner():
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE roster_c LOCALE 'C' TEMPLATE template0")
        parameters = connection.get_connection_params() | {"dbname": "roster_c"}
        database = connection.get_new_connection(parameters)
        try:
            with database.cursor() as cursor:
                cursor.execute("CREATE EXTENSION unaccent")
                cursor.execute(fold_names.CREATE_COLLATION)
                cursor.execute(fold_names.CREATE_FOLD)
                yield cursor
        finally:
            database.close()
            with connection.cursor() as cursor:
                cursor.execute("DROP DATABASE roster_c")


def test_names_are_folded_in_a_database_of_the_locale_c(cursor_in_c: Any) -> None:
    for text, expected in FOLDED:
        cursor_in_c.execute("SELECT roster_fold(%s)", [text])
        assert cursor_in_c.fetchone() == (expected,)
    cursor_in_c.execute(FACTS)
    assert [each.id for each in problems_of(Facts(*cursor_in_c.fetchone()))] == ["roster.W008"]


@pytest.mark.parametrize(
    ("facts", "ids"),
    [
        (GOOD, []),
        (GOOD._replace(encoding="SQL_ASCII", ctype="POSIX"), ["roster.E003", "roster.W008"]),
        (GOOD._replace(version=16_00_10), ["roster.E004"]),
        (GOOD._replace(version=17_00_00), []),
        (GOOD._replace(versions=("153.120", "153.120")), []),
        (GOOD._replace(versions=("153.120", "153.121")), ["roster.W009"]),
    ],
)
def test_check_says_when_a_database_cannot(facts: Facts, ids: list[str]) -> None:
    assert [each.id for each in problems_of(facts)] == ids


def test_database_of_the_tests_can(db: None) -> None:
    assert [each for each in run_checks(databases=["default"]) if "roster" in str(each.id)] == []


def test_python_and_postgresql_agree_on_characters(db: None) -> None:
    """At the ends of all ranges of `characters`."""
    ranges = re.findall(
        r"\\[uU]([0-9a-f]+)",
        characters.IGNORED + characters.IDEOGRAPHS + characters.MARKS,
    )
    points = {int(end, 16) + step for end in ranges for step in (-1, 0, 1)}
    texts = [
        unicodedata.normalize("NFKC", chr(point))
        for point in sorted(points)
        if not 0xD800 <= point <= 0xDFFF
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT each, roster_fold('a' || each || 'b') FROM unnest(%s::text[]) AS each",
            [texts],
        )
        found = cursor.fetchall()
    differing = [
        (ascii(text), folded)
        for text, folded in found
        if (characters.IS_IGNORED.fullmatch(text) and folded != " ab ")
        or (
            text.isalnum()
            and characters.IS_IDEOGRAPH.fullmatch(text)
            and not re.fullmatch(r" a \S( \S)* b ", folded)
        )
    ]
    assert differing == []


def test_migration_folds_names_again(transactional_db: None) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(first.FOLD.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
        try:
            users = [
                make_user(f"user{number}", name=name) for number, (name, _) in enumerate(FOLDED)
            ]
        finally:
            cursor.execute(fold_names.CREATE_FOLD)
        stale = User.objects.exclude(search_text=Fold("search_text"))
        assert User.objects.get(pk=users[-1].pk).search_text == " irem o brien eva user5 "
        user_names.fold(None, None)
    assert User.objects.get(pk=users[-1].pk).search_text == " irem obrien eva user5 "
    assert not stale.exists()


def test_migration_numbers_groups_that_read_alike(transactional_db: None) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DROP INDEX group_name_alike")
        try:
            for name in ("Editors", "editors (2)", "EDITORS", " Edi tors", "Νίκος", "ΝΊΚΟΣ"):
                Group.objects.create(name=name)
            group_names.rename_twins(group_names.KEY)
        finally:
            for statement in group_names.CREATE_INDEX:
                cursor.execute(statement)
    names = list(Group.objects.order_by("pk").values_list("name", flat=True))
    assert names == ["Editors", "editors (2)", "EDITORS (3)", " Edi tors (4)", "Νίκος", "ΝΊΚΟΣ (2)"]
