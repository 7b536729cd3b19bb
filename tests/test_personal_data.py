"""The register of personal data: nothing that is kept is missing from it."""

from typing import Any

import pytest
from django.apps import apps
from django.db.models import ForeignKey, Model

from users.accounts.models import User
from users.activity.personal import (
    ImpersonalTable,
    Kept,
    PersonalTable,
    Replaced,
    declared,
    personal_tables,
)

PERSONAL = [pytest.param(table, id=table.model._meta.label) for table in personal_tables()]
# Where Django keeps nothing: see the reason in the register.
EMPTY = {"admin.LogEntry"}


def columns_of(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.concrete_fields}


def labels(tables: Any) -> list[str]:
    return sorted(table.model._meta.label for table in tables)


def test_every_table_is_declared_once() -> None:
    options = [model._meta for model in apps.get_models(include_auto_created=True)]
    # A proxy has no table of its own.
    everything = sorted(each.label for each in options if not each.proxy)
    assert labels(declared()) == everything


def test_every_column_is_classified() -> None:
    for table in declared():
        if isinstance(table, PersonalTable):
            told = [column for column in table.told if "__" not in column]
            named = [*told, *table.withheld]
        else:
            named = list(table.columns)
        assert sorted(named) == sorted(columns_of(table.model)), labels([table])


def test_no_impersonal_table_leads_to_a_person() -> None:
    leading = {
        table.model
        for table in declared()
        if isinstance(table, ImpersonalTable)
        for field in table.model._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.related_model is User
    }
    assert {model._meta.label for model in leading} == EMPTY


@pytest.mark.parametrize("table", PERSONAL)
def test_what_stays_after_an_erasure_is_replaced_or_kept_for_a_reason(table: PersonalTable) -> None:
    if isinstance(table.erasure, Replaced):
        named = [*table.erasure.values, *table.erasure.kept]
        assert sorted(named) == sorted(columns_of(table.model))
        assert all(table.erasure.kept.values())
    elif isinstance(table.erasure, Kept):
        assert table.erasure.reason


def test_every_exception_has_a_reason() -> None:
    for table in declared():
        if isinstance(table, ImpersonalTable):
            assert table.reason
        else:
            assert all(table.withheld.values())
