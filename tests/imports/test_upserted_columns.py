"""What imports change of existing users: by the column, and by who created the user."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from tests.support.factories import PASSWORD, make_organization, make_user
from tests.support.imports import HASH, SECRET, counts, import_json, skipped, upsert_json
from tests.support.signing_in import log_in
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Suspension, Totp
from users.imports.fields import ImportField

# A value to change to, by column.
VALUES: dict[ImportField, Any] = {
    ImportField.EXTERNAL_IDS: [{"source": "crm", "value": "17"}],
    ImportField.EMAIL: "changed@example.org",
    ImportField.EMAIL_VERIFIED: True,
    ImportField.SECONDARY_EMAILS: ["second@example.org"],
    ImportField.USERNAME: "changed",
    ImportField.NAME: "Changed Name",
    ImportField.GIVEN_NAME: "Changed",
    ImportField.FAMILY_NAME: "Changed",
    ImportField.LOCALE: "de",
    ImportField.TIME_ZONE: "Europe/Vienna",
    ImportField.PASSWORD_HASH: HASH,
    ImportField.TOTP_SECRET: SECRET,
    ImportField.SUSPENDED: True,
    ImportField.CREATED_AT: "2020-02-29T12:00:00+01:00",
    ImportField.PUBLIC_METADATA: {"plan": "team"},
    ImportField.PRIVATE_METADATA: {"crm": 5},
    ImportField.GROUPS: ["Editors"],
    ImportField.ORGANIZATIONS: ["Acme"],
}
# Which identify a user, or belong to another column.
OTHERS = {ImportField.EXTERNAL_ID, ImportField.PASSWORD_SALT}
NEVER = {ImportField.CREATED_AT}
# By which users log in: changed only if an import of the same source created the user.
LOG_IN = {
    *(ImportField.EMAIL, ImportField.SECONDARY_EMAILS, ImportField.USERNAME),
    *(ImportField.PASSWORD_HASH, ImportField.TOTP_SECRET),
}
ALSO = {ImportField.GIVEN_NAME: {ImportField.NAME}, ImportField.FAMILY_NAME: {ImportField.NAME}}


def username_of(column: ImportField) -> str:
    return column.value.replace("_", ".")


def minimal_rows() -> list[dict[str, Any]]:
    """Return a row for each column, about a user of its own."""
    return [
        {"external_id": column, "email": f"{column}@example.org", "username": username_of(column)}
        for column in VALUES
    ]


def created_by_this_source(root: User) -> None:
    import_json(root, *minimal_rows())


def created_by_another_source(root: User) -> None:
    import_json(root, *minimal_rows(), source="other")
    known_to_this_source(root)


def created_by_hand(root: User) -> None:
    for column in VALUES:
        make_user(username_of(column), email=f"{column}@example.org")
    known_to_this_source(root)


def known_to_this_source(root: User) -> None:
    """Give the users external ids of the source."""
    rows = [{name: row[name] for name in ("external_id", "email")} for row in minimal_rows()]
    assert counts(upsert_json(root, *rows)) == (len(VALUES), 0, 0)


def values_of(user: User) -> dict[ImportField, Any]:
    metadata = getattr(user, "metadata", None)
    return {
        ImportField.EXTERNAL_IDS: set(user.external_ids.values_list("source", "value")),
        ImportField.EMAIL: user.email,
        ImportField.EMAIL_VERIFIED: user.email_verified_at,
        ImportField.SECONDARY_EMAILS: set(user.email_addresses.values_list("email")),
        ImportField.USERNAME: user.username,
        ImportField.NAME: user.name,
        ImportField.GIVEN_NAME: user.profile.given_name,
        ImportField.FAMILY_NAME: user.profile.family_name,
        ImportField.LOCALE: user.profile.locale,
        ImportField.TIME_ZONE: user.profile.time_zone,
        ImportField.PASSWORD_HASH: user.password,
        ImportField.TOTP_SECRET: set(Totp.objects.filter(user=user).values_list("pk")),
        ImportField.SUSPENDED: Suspension.objects.filter(user=user).exists(),
        ImportField.CREATED_AT: user.date_joined,
        ImportField.PUBLIC_METADATA: metadata.public if metadata else {},
        ImportField.PRIVATE_METADATA: metadata.private if metadata else {},
        ImportField.GROUPS: set(user.groups.values_list("pk")),
        ImportField.ORGANIZATIONS: set(user.memberships.values_list("pk")),
    }


def all_values(ids: Iterable[Any]) -> list[dict[ImportField, Any]]:
    users = User.objects.in_bulk(list(ids))
    return [values_of(users[key]) for key in ids]


@pytest.mark.parametrize(
    "create", [created_by_this_source, created_by_another_source, created_by_hand]
)
def test_columns_that_change(root: User, create: Callable[[User], None]) -> None:
    assert set(ImportField) == VALUES.keys() | OTHERS
    Group.objects.create(name="Editors")
    make_organization("Acme", root)
    create(root)
    ids = [User.objects.get(username=username_of(column)).pk for column in VALUES]
    before = all_values(ids)
    rows: list[dict[str, Any]] = [
        {"external_id": column, column: value} for column, value in VALUES.items()
    ]
    rows[list(VALUES).index(ImportField.EMAIL_VERIFIED)]["email"] = "email_verified@example.org"
    user_import = upsert_json(root, *rows)
    assert skipped(user_import) == []

    kept = NEVER if create is created_by_this_source else NEVER | LOG_IN
    if create is created_by_another_source:
        # Unused accounts without a password get one.
        kept = kept - {ImportField.PASSWORD_HASH}
    for column, old, new in zip(VALUES, before, all_values(ids), strict=True):
        expected = set() if column in kept else {column} | ALSO.get(column, set())
        assert {name for name in old if old[name] != new[name]} == expected, column
    assert counts(user_import) == (len(VALUES) - len(kept), len(kept), 0)


@pytest.fixture
def alan(db: None) -> User:
    """Return a user with two verified addresses, whom no import created."""
    alan = make_user("alan", email_verified_at=timezone.now())
    alan.email_addresses.create(email="second@example.org", verified_at=timezone.now())
    return alan


def addresses_of(user: User) -> tuple[str, bool, dict[str, bool]]:
    """Return the primary address, whether it is verified, and the secondary ones."""
    user = User.objects.get(pk=user.pk)
    others = {each.email: bool(each.verified_at) for each in user.email_addresses.all()}
    return user.email, user.email_verified_at is not None, others


@pytest.mark.parametrize("extra", [{}, {"external_id": "1"}, {"email_verified": True}])
def test_user_found_by_a_secondary_address_keeps_the_addresses(
    root: User, alan: User, extra: dict[str, Any]
) -> None:
    row = {"email": "second@example.org", "name": "Changed Name"} | extra
    for name in ("Changed Name", "Changed Again"):
        assert counts(upsert_json(root, row | {"name": name})) == (1, 0, 0)
        assert addresses_of(alan) == ("alan@example.org", True, {"second@example.org": True})
        assert User.objects.get(pk=alan.pk).name == name
    assert log_in("alan@example.org", PASSWORD)["errors"] == []


def test_verification_is_that_of_the_row_s_address(root: User, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(email_verified_at=None)
    upsert_json(root, {"external_id": "1", "email": alice.email})
    for row in ({"email": "other@example.org"}, {}):
        upsert_json(root, {"external_id": "1", "email_verified": True} | row)
        assert addresses_of(alice) == (alice.email, False, {})


MARY = {
    "external_id": "1",
    "email": "mary@example.org",
    "username": "mary",
    "secondary_emails": ["second@example.org"],
}


@pytest.mark.parametrize("is_verified", [True, False])
def test_secondary_address_of_an_imported_user_changes_places(
    root: User, *, is_verified: bool
) -> None:
    upsert_json(root, MARY | {"email_verified": True})
    mary = User.objects.get(username="mary")
    row = {"external_id": "1", "email": "second@example.org", "email_verified": is_verified}
    assert counts(upsert_json(root, row)) == (1, 0, 0)
    assert addresses_of(mary) == ("second@example.org", True, {"mary@example.org": True})
    event = Event.objects.get(tag=Tag.IMPORTED_USER_CHANGED)
    assert event.personal_values == {
        "old": {"email": "mary@example.org"},
        "new": {"email": "second@example.org"},
    }


def test_unverified_primary_address_of_an_imported_user_stays(root: User) -> None:
    upsert_json(root, MARY)
    mary = User.objects.get(username="mary")
    row = {"external_id": "1", "email": "second@example.org", "email_verified": True}
    assert counts(upsert_json(root, row)) == (0, 1, 0)
    assert addresses_of(mary) == ("mary@example.org", False, {"second@example.org": True})
