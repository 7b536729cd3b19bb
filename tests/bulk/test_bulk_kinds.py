"""Each kind of bulk action has the effect of its single-user service."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from tests.support.bulk_actions import (
    carried_out,
    counts,
    make_people,
)
from tests.support.client import GraphQLClient
from tests.support.factories import (
    make_factors,
    make_session,
    node_id,
)
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session
from users.bulk.actions import ACTIONS, BulkActionKind
from users.bulk.models import BulkAction
from users.privacy.models import AccountDeletion


def is_member(user: User) -> bool:
    return user.groups.filter(name="Editors").exists()


def is_open(user: User) -> bool:
    return User.objects.get(pk=user.pk).is_active


KINDS: dict[str, tuple[dict[str, Any], Callable[[User], bool], Tag]] = {
    "ADD_TO_GROUP": ({"groupId": "group"}, is_member, Tag.USER_GROUPS_CHANGED),
    "REMOVE_FROM_GROUP": (
        {"groupId": "group"},
        lambda user: not is_member(user),
        Tag.USER_GROUPS_CHANGED,
    ),
    "VERIFY_EMAIL": (
        {},
        lambda user: User.objects.get(pk=user.pk).email_verified_at is not None,
        Tag.EMAIL_VERIFIED,
    ),
    "END_SESSIONS": (
        {},
        lambda user: not Session.objects.filter(user=user).exists(),
        Tag.SESSIONS_REVOKED,
    ),
    "UNLOCK": ({}, lambda user: True, Tag.USER_UNLOCKED),
    "REQUIRE_PASSWORD_RESET": (
        {},
        lambda user: not User.objects.get(pk=user.pk).has_usable_password(),
        Tag.PASSWORD_RESET_FORCED,
    ),
    "RESET_SECOND_FACTORS": (
        {},
        lambda user: User.objects.get(pk=user.pk).second_factors == [],
        Tag.FACTORS_RESET,
    ),
    "SUSPEND": ({"reason": "Spam"}, lambda user: not is_open(user), Tag.USER_SUSPENDED),
    "REACTIVATE": ({}, is_open, Tag.USER_REACTIVATED),
    "DELETE": (
        {},
        lambda user: AccountDeletion.objects.filter(user=user).exists(),
        Tag.DELETION_SCHEDULED,
    ),
    "CANCEL_DELETION": (
        {},
        lambda user: not AccountDeletion.objects.filter(user=user).exists(),
        Tag.DELETION_CANCELED,
    ),
}
# The inverse of each kind, which prepares the users.
BEFORE = {
    "REMOVE_FROM_GROUP": "ADD_TO_GROUP",
    "REACTIVATE": "SUSPEND",
    "CANCEL_DELETION": "DELETE",
}


def test_every_kind_is_tried() -> None:
    assert set(KINDS) == {kind.name for kind in BulkActionKind}
    assert set(ACTIONS) == set(BulkActionKind)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_does_what_its_service_does(
    administrator: GraphQLClient, root: User, kind: str
) -> None:
    group = Group.objects.create(name="Editors")
    users = make_people(2)
    make_factors(*users)
    for user in users:
        make_session(user)

    def run(kind: str) -> BulkAction:
        arguments, _is_done, _tag = KINDS[kind]
        given = {"groupId": node_id(group)} if "groupId" in arguments else arguments
        values = {"action": kind, "reason": None, "filter": {"isStaff": False}} | given
        return carried_out(administrator, 2, **values)

    if kind in BEFORE:
        assert counts(run(BEFORE[kind])) == (2, 0, 0)
    seen = Event.objects.count()
    _arguments, is_done, tag = KINDS[kind]

    bulk_action = run(kind)

    assert counts(bulk_action) == (2, 0, 0)
    assert all(is_done(user) for user in users)
    events = Event.objects.order_by("pk")[seen:]
    done = [event for event in events if event.tag == tag]
    assert [event.subject_id for event in done] == [user.pk for user in users]
    assert {event.actor_id for event in done} == {root.pk}
    assert {event.data["bulk_action"] for event in done} == {str(bulk_action.pk)}


def test_other_groups_are_kept(administrator: GraphQLClient, alice: User, root: User) -> None:
    authors, editors = (Group.objects.create(name=name) for name in ("Authors", "Editors"))
    alice.groups.add(authors)
    given = {"filter": {"isStaff": False}, "reason": None, "groupId": node_id(editors)}
    for kind, names in (
        ("ADD_TO_GROUP", ["Authors", "Editors"]),
        ("REMOVE_FROM_GROUP", ["Authors"]),
    ):
        assert counts(carried_out(administrator, 1, action=kind, **given)) == (1, 0, 0)
        assert list(alice.groups.order_by("name").values_list("name", flat=True)) == names
        alice.refresh_from_db()
        # Repeating the action is a no-op.
        seen = Event.objects.filter(subject_id=alice.pk).count()
        assert counts(carried_out(administrator, 1, action=kind, **given)) == (0, 1, 0)
        assert Event.objects.filter(subject_id=alice.pk).count() == seen
