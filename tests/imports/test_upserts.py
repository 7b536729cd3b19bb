"""Imports that may change existing users."""

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group
from django.utils import timezone

from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_organization, make_service, make_user
from tests.support.imports import HASH, SECRET, SOURCE, counts, skipped, upsert_json
from tests.support.signing_in import ME, log_in
from users.accounts.models import EmailChange, LastSeen, Metadata, Profile, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension, Totp
from users.imports.models import ExternalId

OTHER = "pbkdf2_sha1$1$salt$2Fxn7XMLTEd4kQHsoF3mVT1o8jY="
MARY = {
    "external_id": "1",
    "email": "mary@example.org",
    "username": "mary",
    "name": "Mary",
    "password_hash": HASH,
}


def changes() -> list[Any]:
    events = Event.objects.filter(tag=Tag.IMPORTED_USER_CHANGED).order_by("pk")
    return [event.data["fields"] for event in events]


def test_repeated_import_changes_nothing(root: User) -> None:
    assert counts(upsert_json(root, MARY)) == (1, 0, 0)
    mary = User.objects.get(username="mary")
    assert log_in("mary", "secret")["errors"] == []
    replaced = User.objects.get(pk=mary.pk).password

    assert counts(upsert_json(root, MARY)) == (0, 1, 0)
    # Other values, with the same password: that of the first log-in stays.
    assert counts(upsert_json(root, MARY | {"name": "Mary Major"})) == (1, 0, 0)
    mary.refresh_from_db()
    assert (mary.name, mary.password) == ("Mary Major", replaced)
    assert Session.objects.count() == 1
    assert changes() == [["name"]]


def test_changed_values_are_written(root: User, settings: Any) -> None:
    upsert_json(root, MARY)
    mary = User.objects.get(username="mary")
    Group.objects.create(name="Editors")
    make_organization("Acme", root)
    new = {
        "external_id": "1",
        "email": "mm@example.org",
        "email_verified": True,
        "username": "mm1",
        "given_name": "Mary",
        "locale": "de",
        "public_metadata": {"plan": "team"},
        "groups": ["Editors"],
        "organizations": ["Acme:admin"],
    }
    assert counts(upsert_json(root, new)) == (1, 0, 0)
    mary.refresh_from_db()
    assert (mary.email, mary.username, mary.name) == ("mm@example.org", "mm1", "Mary")
    assert mary.email_verified_at is not None
    assert Profile.objects.get(user=mary).locale == "de"
    assert Metadata.objects.get(user=mary).public == {"plan": "team"}
    assert mary.groups.get().name == "Editors"
    assert mary.memberships.get().role == "admin"
    event = Event.objects.get(tag=Tag.IMPORTED_USER_CHANGED)
    assert event.personal_values == {
        "old": {"email": "mary@example.org", "username": "mary"},
        "new": {"email": "mm@example.org", "username": "mm1"},
    }
    # Nothing is removed, and the second time nothing is left to do.
    assert counts(upsert_json(root, new)) == (0, 1, 0)
    assert counts(upsert_json(root, {"external_id": "1", "locale": "en"})) == (1, 0, 0)
    assert mary.groups.count() == mary.memberships.count() == 1


def test_created_users_are_counted_apart(root: User, alice: User) -> None:
    known = {"email": alice.email}
    rows = [MARY, known | {"name": "Alice A."}, {"email": "new@example.org"}, {"email": "x"}]
    for is_dry_run in (True, False):
        user_import = upsert_json(root, *rows, is_dry_run=is_dry_run)
        assert (user_import.created, user_import.changed) == (2, 1)
        assert counts(user_import) == (3, 0, 1)


def test_changed_password_ends_the_sessions(root: User) -> None:
    upsert_json(root, MARY)
    signed_in = log_in("mary", "secret")
    assert counts(upsert_json(root, MARY | {"password_hash": OTHER})) == (1, 0, 0)
    mary = User.objects.get(username="mary")
    assert mary.password == OTHER
    assert not Session.objects.exists()
    client = GraphQLClient(token=signed_in["accessToken"])
    assert client(ME).codes == ["UNAUTHENTICATED"]
    assert changes() == [["password"]]


def test_import_does_not_take_over_an_account(root: User, alice: User) -> None:
    row = {
        "external_id": "1",
        "email": alice.email,
        "name": "Alice",
        "password_hash": HASH,
        "totp_secret": SECRET,
    }
    # The second time, the account has the external id, which does not help.
    for name in ("Alice", "Alice A."):
        upsert_json(root, row | {"name": name, "password_hash": HASH if name == "Alice" else OTHER})
    alice.refresh_from_db()
    assert alice.name == "Alice A."
    assert check_password(PASSWORD, alice.password)
    assert not Totp.objects.exists()
    assert not ExternalId.objects.get().is_origin


def test_unused_account_of_an_import_gets_the_password_of_another_source(root: User) -> None:
    upsert_json(root, {"external_id": "7", "email": "mary@example.org"}, source="crm")
    mary = User.objects.get(username="mary")
    row = MARY | {"username": "mm1"}
    upsert_json(root, row, source="shop")
    # As long as no one has signed in, changes of the source are followed.
    upsert_json(root, row | {"password_hash": OTHER}, source="shop")
    assert changes() == [["external_ids", "name", "password"], ["password"]]
    upsert_json(root, row, source="shop")
    assert log_in("mary", "secret")["errors"] == []
    replaced = User.objects.get(pk=mary.pk).password
    upsert_json(root, row | {"password_hash": OTHER}, source="shop")
    upsert_json(root, row | {"password_hash": OTHER}, source="third")
    mary.refresh_from_db()
    assert (mary.username, mary.password) == ("mary", replaced)


def test_used_account_gets_no_password_of_another_source(root: User) -> None:
    upsert_json(root, {"external_id": "7", "email": "mary@example.org"}, source="crm")
    LastSeen.objects.update(at=timezone.now())
    upsert_json(root, MARY, source="shop")
    assert not User.objects.get(username="mary").has_usable_password()


@pytest.mark.parametrize("kind", ["staff", "administrator", "service", "erased"])
def test_protected_users_are_not_changed(root: User, kind: str) -> None:
    if kind == "service":
        user = make_service("robot")
    else:
        user = make_user(
            "robot",
            is_staff=kind == "staff",
            is_superuser=kind == "administrator",
            is_active=kind != "erased",
            erased_at=timezone.now() if kind == "erased" else None,
        )
    ExternalId.objects.create(
        user=user,
        source=SOURCE,
        value="1",
        is_origin=True,
        digest=b"",
        password_digest=b"",
        last_import_id=user.pk,
    )
    before = User.objects.filter(pk=user.pk).values().get()
    user_import = upsert_json(root, {"external_id": "1", "name": "Changed", "password_hash": HASH})
    assert skipped(user_import) == [(1, "USER_PROTECTED", "")]
    assert User.objects.filter(pk=user.pk).values().get() == before


def test_identifiers_of_others_are_refused(root: User, alice: User) -> None:
    upsert_json(root, MARY)
    rows: list[dict[str, Any]] = [
        {"external_id": "1", "email": alice.email},
        {"external_id": "2", "email": "mary@example.org"},
        {"external_id": "3", "email": "new@example.org", "username": "alice"},
    ]
    assert skipped(upsert_json(root, *rows)) == [
        (1, "EMAIL_TAKEN", "email"),
        (2, "EXTERNAL_ID_TAKEN", "external_id"),
        (3, "USERNAME_TAKEN", "username"),
    ]
    assert changes() == []


def test_external_ids_are_of_one_source(root: User) -> None:
    upsert_json(root, MARY, source="first")
    other = {"external_id": "1", "email": "jane@example.org"}
    assert counts(upsert_json(root, other, source="second")) == (1, 0, 0)
    assert ExternalId.objects.count() == 2


def test_adding_only_an_external_id_changes_the_user(root: User, alice: User) -> None:
    row = {"external_id": "7", "email": alice.email}
    assert counts(upsert_json(root, row)) == (1, 0, 0)
    assert ExternalId.objects.get().user == alice
    assert changes() == [["external_ids"]]
    assert counts(upsert_json(root, row)) == (0, 1, 0)


def test_sources_are_cleaned_as_names(root: User) -> None:
    ids = [{"source": "crm\u202e\nEurope", "value": "7"}]
    upsert_json(root, MARY | {"external_ids": ids}, source=" shop\u200e\nBerlin")
    sources = ExternalId.objects.order_by("source").values_list("source", flat=True)
    assert list(sources) == ["crm Europe", "shop Berlin"]
    assert counts(upsert_json(root, MARY | {"external_ids": ids}, source="shop Berlin"))[1] == 1


def test_suspensions_of_the_source_are_followed(root: User) -> None:
    upsert_json(root, MARY)
    log_in("mary", "secret")
    upsert_json(root, MARY | {"suspended": True})
    assert not User.objects.get(username="mary").is_active
    assert not Session.objects.exists()
    upsert_json(root, MARY | {"suspended": False})
    assert User.objects.get(username="mary").is_active
    assert not Suspension.objects.exists()
    assert changes() == [["suspended"], ["suspended"]]


def test_log_in_that_overlapped_a_suspension_ends_with_it(root: User) -> None:
    upsert_json(root, MARY)
    mary = User.objects.filter(username="mary")
    upsert_json(root, MARY | {"suspended": True})
    mary.update(is_active=True)
    log_in("mary", "secret")
    mary.update(is_active=False)
    assert Session.objects.exists()
    upsert_json(root, MARY | {"suspended": False})
    assert mary.get().is_active
    assert not Session.objects.exists()


def test_suspension_by_an_administrator_stays(root: User) -> None:
    upsert_json(root, MARY)
    mary = User.objects.get(username="mary")
    Suspension.objects.create(user=mary, reason="Sent spam.")
    User.objects.filter(pk=mary.pk).update(is_active=False)
    upsert_json(root, MARY | {"suspended": False})
    mary.refresh_from_db()
    assert not mary.is_active


def test_secondary_addresses_are_added(root: User) -> None:
    upsert_json(root, MARY | {"secondary_emails": ["a@example.org"]})
    emails = [f"{letter}@example.org" for letter in "bcdefghijk"]
    assert counts(upsert_json(root, MARY | {"secondary_emails": emails})) == (1, 0, 0)
    mary = User.objects.get(username="mary")
    stored = mary.email_addresses.order_by("email").values_list("email", flat=True)
    assert list(stored) == ["a@example.org", *emails[:9]]
    assert changes() == [["email_addresses"]]


def test_authenticator_app_is_not_replaced(root: User) -> None:
    upsert_json(root, MARY | {"totp_secret": SECRET})
    before = Totp.objects.get().secret
    upsert_json(root, MARY | {"totp_secret": "A" * 32})
    assert Totp.objects.get().secret == before


def test_new_address_invalidates_links_to_the_old_one(root: User) -> None:
    upsert_json(root, MARY)
    mary = User.objects.get(username="mary")
    EmailChange.objects.create(user=mary, email="x@example.org", expires_at=timezone.now())
    upsert_json(root, MARY | {"email": "mm@example.org"})
    mary.refresh_from_db()
    assert (mary.email, mary.email_verified_at) == ("mm@example.org", None)
    assert not EmailChange.objects.exists()


def test_rows_without_external_id_change_only_what_differs(root: User, alice: User) -> None:
    row = {"email": alice.email, "name": "Alice", "public_metadata": {"a": 1}}
    assert counts(upsert_json(root, row)) == (1, 0, 0)
    assert counts(upsert_json(root, row)) == (0, 1, 0)
    assert counts(upsert_json(root, row | {"public_metadata": {"a": 2}})) == (1, 0, 0)
    assert changes() == [["name", "public"], ["public"]]


def test_sources_are_the_same_without_spaces_around_them(root: User) -> None:
    row = {"external_id": "1", "email": "a@example.org"}
    assert upsert_json(root, row, source=" shop ").source == "shop"
    ids = {"external_ids": [{"source": "shop ", "value": "1"}]}
    assert counts(upsert_json(root, ids, source="")) == (0, 1, 0)
    assert ExternalId.objects.get().source == "shop"
