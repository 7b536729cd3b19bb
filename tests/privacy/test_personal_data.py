"""The register of personal data is complete."""

from typing import Any

import pytest
from django.apps import apps
from django.db.models import ForeignKey, Model

from users.accounts.models import User
from users.activity.personal_data_registry import (
    NonPersonalTable,
    PersonalTable,
    ReplaceValues,
    RetainRows,
    all_tables,
    personal_tables,
)

PERSONAL = [pytest.param(table, id=table.model._meta.label) for table in personal_tables()]
# Tables that Django does not use: see the reason in the register.
EMPTY = {"admin.LogEntry"}


def columns_of(model: type[Model]) -> set[str]:
    return {field.name for field in model._meta.concrete_fields}


def labels(tables: Any) -> list[str]:
    return sorted(table.model._meta.label for table in tables)


def test_every_table_is_declared_once() -> None:
    options = [model._meta for model in apps.get_models(include_auto_created=True)]
    # A proxy model has no table.
    everything = sorted(each.label for each in options if not each.proxy)
    assert labels(all_tables()) == everything


def test_every_column_is_classified() -> None:
    for table in all_tables():
        if isinstance(table, PersonalTable):
            columns = [column for column in table.exported if "__" not in column]
            named = [*columns, *table.not_exported]
        else:
            named = list(table.columns)
        assert sorted(named) == sorted(columns_of(table.model)), labels([table])


def test_non_personal_tables_have_no_path_to_users() -> None:
    leading = {
        table.model
        for table in all_tables()
        if isinstance(table, NonPersonalTable)
        for field in table.model._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.related_model is User
    }
    assert {model._meta.label for model in leading} == EMPTY


@pytest.mark.parametrize("table", PERSONAL)
def test_retained_columns_have_a_reason(table: PersonalTable) -> None:
    if isinstance(table.erasure, ReplaceValues):
        named = [*table.erasure.values, *table.erasure.retained]
        assert sorted(named) == sorted(columns_of(table.model))
        assert all(table.erasure.retained.values())
    elif isinstance(table.erasure, RetainRows):
        assert table.erasure.reason


def test_every_exception_has_a_reason() -> None:
    for table in all_tables():
        if isinstance(table, NonPersonalTable):
            assert table.reason
        else:
            assert all(table.not_exported.values())
