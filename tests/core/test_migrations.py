"""The migrated schema: indexes for all look-ups, and constraints on identity."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from core.database.ids import new_id
from engine.relay.keyset import Keyset
from tests.support.factories import make_session, make_user
from tests.support.many_people import PEOPLE
from tests.support.plans import explain
from users.accounts.models import SignUp, User
from users.accounts.orders import UserOrderField
from users.authentication.models import ApiToken, RefreshToken, Session


@pytest.mark.parametrize(
    ("look_up", "index"),
    [
        (lambda: User.objects.with_login("PERSON123@example.org"), "user_email_unique"),
        (lambda: User.objects.with_login("Person123"), "user_username_unique"),
        (lambda: User.objects.order_by("username")[:51], "user_username_unique"),
        (
            lambda: User.objects.filter(username__gt="person5").order_by("username")[:51],
            "user_username_unique",
        ),
        (
            lambda: User.objects.filter(username__lt="person5").order_by("-username")[:51],
            "user_username_unique",
        ),
        (lambda: User.objects.filter(pk=new_id()), "accounts_user_pkey"),
    ],
    ids=["e-mail", "username", "first page", "next page", "previous page", "id"],
)
@pytest.mark.usefixtures("many_people")
def test_look_ups_scan_an_index_and_few_rows(
    look_up: Callable[[], QuerySet[Any]], index: str
) -> None:
    nodes = explain(look_up())

    assert index in {node.get("Index Name") for node in nodes}
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert sum(node["Actual Rows"] for node in nodes if "Index Name" in node) <= 51


INDEXES = {
    UserOrderField.USERNAME: "user_username_unique",
    UserOrderField.NAME: "user_order_name",
    UserOrderField.EMAIL: "user_email_unique",
    UserOrderField.JOINED: "user_order_joined",
    UserOrderField.LAST_SEEN: "user_order_last_seen",
}


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("field", UserOrderField, ids=lambda field: field.value)
@pytest.mark.usefixtures("many_people")
def test_every_ordering_scans_its_index_on_deep_pages(
    field: UserOrderField, *, descending: bool
) -> None:
    users = User.objects.in_order(field, descending=descending)
    keyset = Keyset.of(users)
    deep = keyset.position_of(users.annotate(**keyset.positions())[PEOPLE // 2])
    assert deep is not None

    for page in (users, users.filter(keyset.behind(deep))):
        nodes = explain(page[:51])
        (scan,) = (node for node in nodes if node.get("Index Name") == INDEXES[field])
        assert scan["Actual Rows"] == 51
        assert "Sort" not in {node["Node Type"] for node in nodes}
        assert not any(node.get("Rows Removed by Filter") for node in nodes)


def test_credentials_are_looked_up_by_unique_indexes(db: None) -> None:
    session = make_session(make_user("alice"))
    # Enough rows that PostgreSQL prefers an index to a sequential scan.
    expires_at = session.expires_at
    Session.objects.bulk_create(
        Session(user=session.user, expires_at=expires_at) for _number in range(2_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE authentication_session")
        # The other tables are empty, so PostgreSQL would prefer a sequential scan.
        cursor.execute("SET LOCAL enable_seqscan = off")

    for queryset, index in (
        (Session.objects.filter(pk=session.pk), "authentication_session_pkey"),
        (Session.objects.filter(cookie_digest=b"x" * 32), "session_cookie_unique"),
        (RefreshToken.objects.filter(digest=b"x" * 32), "refresh_token_digest_unique"),
        (ApiToken.objects.filter(digest=b"x" * 32), "api_token_digest_unique"),
    ):
        assert index in {node.get("Index Name") for node in explain(queryset)}


def test_sign_ups_for_an_address_are_found_by_an_index(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    nodes = explain(SignUp.objects.filter(email="a@b.c"))
    assert "sign_up_email" in {node.get("Index Name") for node in nodes}


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("username", "alice", "user_username_unique"),
        ("email", "alice@example.org", "user_email_unique"),
        ("username", "Alice", "user_username_canonical"),
        ("email", "Alice@example.org", "user_email_canonical"),
    ],
)
def test_constraints_keep_identifiers_unique_case_insensitively(
    alice: User, field: str, value: str, constraint: str
) -> None:
    fields = {"username": "other", "email": "other@example.org"} | {field: value}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        User.objects.create(password="!", **fields)
    assert User.objects.count() == 1


def test_keys_are_ascending_uuids_of_version_7(db: None) -> None:
    first, second = make_user("first"), make_user("second")

    assert (first.pk.version, second.pk.version) == (7, 7)
    assert first.pk < second.pk
