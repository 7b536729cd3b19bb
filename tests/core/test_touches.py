"""Every change of a declared table touches the right entities, and no others."""

from collections.abc import Callable

import pytest

from core.versions.touches import (
    Touches,
    declared_tables,
)
from tests.support.tables.touches import CASES, NOW, Cast, make_cast, run_sql
from tests.support.versions import names_of, touched_by
from users.accounts.models import LastSeen, User
from users.activity.models import Event
from users.organizations.models import OrganizationInvitation
from users.privacy.models import AccountDeletion


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


def test_every_declared_table_and_operation_has_a_case() -> None:
    tables = {each.model for each in declared_tables() if isinstance(each, Touches)}
    # Rows are only added to the trail.
    appended = {(Event, "update"), (Event, "delete")}

    assert {(model, operation) for model, operation, *_rest in CASES} == {
        (model, operation) for model in tables for operation in ("insert", "update", "delete")
    } - appended


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        pytest.param(change, touched, id=f"{operation} {model._meta.db_table}")
        for model, operation, change, touched in CASES
    ],
)
def test_changes_touch_what_depends_on_them(
    cast: Cast, change: Callable[[Cast], object], touched: set[str]
) -> None:
    names = cast.names()
    assert names_of(touched_by(lambda: change(cast)), names) == touched


@pytest.mark.parametrize(
    "change",
    [
        lambda cast: cast.alice.save(),
        lambda cast: User.objects.filter(username="missing").update(name="?"),
        lambda cast: User.objects.filter(username="missing").delete(),
        lambda cast: User.objects.update(password="!"),
        lambda cast: run_sql("UPDATE accounts_user SET authorization_version = 7"),
        lambda cast: LastSeen.objects.update(at=NOW),
        lambda cast: AccountDeletion.objects.update(was_deactivated=True),
        lambda cast: OrganizationInvitation.objects.update(locale="de"),
    ],
    ids=[
        *(
            "unchanged user",
            "no row",
            "no row to delete",
        ),
        *("password", "column of the earlier release", "last use"),
        *("reason of a deletion", "language of an invitation"),
    ],
)
def test_changes_that_no_answer_shows_touch_nothing(
    cast: Cast, change: Callable[[Cast], object]
) -> None:
    assert touched_by(lambda: change(cast)) == set()


def test_rows_that_exchange_their_values_are_changed(cast: Cast) -> None:
    for user, name in ((cast.bob, "a"), (cast.charlie, "b")):
        User.objects.filter(pk=user.pk).update(name=name)

    touched = touched_by(
        lambda: run_sql(
            "UPDATE accounts_user SET name = CASE name WHEN 'a' THEN 'b' ELSE 'a' END"
            " WHERE name <> ''"
        )
    )

    assert names_of(touched, cast.names()) == {"bob", "charlie", "archers"}
