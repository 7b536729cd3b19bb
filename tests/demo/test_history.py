"""The demo's data agrees with its audit trail, and the charts with both."""

from uuid import UUID

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db.models import F

from core.security.actor import SYSTEM
from users.accounts.models import Invitation, User
from users.accounts.services.permissions import MODEL
from users.activity.analytics import AnalyticsInterval
from users.activity.models import Event, IntervalCounts
from users.activity.tags import Tag
from users.authentication.models import ApiToken, Passkey, Session, Suspension
from users.demo.management.commands import seed
from users.organizations.models import Membership, Organization, Role

DAY = AnalyticsInterval.DAY


@pytest.fixture
def seeded(transactional_db: None) -> None:
    call_command(seed.Command(), users=400, organizations=6)


def count(*tags: Tag) -> int:
    return Event.objects.filter(tag__in=tags).count()


def check_charts() -> None:
    first, last = (Event.objects.order_by(key)[0].created_at.date() for key in ("pk", "-pk"))
    series = IntervalCounts.objects.visible_to(SYSTEM).series(DAY, first, last)
    days = DAY.starts(first, last)
    for name, expected in {
        "sign_ups": count(Tag.SIGN_UP_REQUESTED),
        "new_users": count(Tag.USER_CREATED),
        "completed_sign_ups": Event.objects.filter(
            tag=Tag.USER_CREATED, data__has_key="link"
        ).count(),
        "log_ins": count(Tag.LOGGED_IN),
        "failed_log_ins": count(Tag.LOG_IN_REFUSED),
        "lockouts": count(Tag.LOG_IN_THROTTLED),
    }.items():
        assert (name, sum(series.values(name, days))) == (name, expected)
        assert expected
    assert count(Tag.USER_CREATED) == User.objects.count()
    with_factors = User.objects.exclude(second_factors=[]).count()
    assert series.totals("second_factor_users", days)[-1] == with_factors == count(Tag.FACTOR_ADDED)


def check_rows() -> None:
    suspended = Event.objects.filter(tag=Tag.USER_SUSPENDED)
    assert set(Suspension.objects.values_list("user", "reason", "created_at")) == {
        (event.subject_id, event.personal_values["reason"], event.created_at)
        for event in suspended.select_related("details")
    }
    inactive = User.objects.filter(is_active=False)
    assert set(inactive.values_list("pk")) == set(suspended.values_list("subject_id"))
    created = Event.objects.filter(tag=Tag.API_TOKEN_CREATED)
    tokens = ApiToken.objects.values_list("pk", flat=True)
    assert sorted(map(str, tokens)) == sorted(created.values_list("data__token", flat=True))
    invited = Event.objects.filter(tag=Tag.USER_INVITED).values("subject_id")
    assert Invitation.objects.filter(nonce__in=invited).count() == Invitation.objects.count() > 0
    enrolled = Event.objects.filter(tag=Tag.FACTOR_ADDED).values_list("subject_id", "created_at")
    assert set(enrolled) == set(Passkey.objects.values_list("user", "created_at"))
    log_ins = Event.objects.filter(tag=Tag.LOGGED_IN)
    sessions = set(Session.objects.values_list("user", "created_at"))
    assert sessions
    assert sessions <= set(log_ins.values_list("actor_id", "created_at"))
    assert Session.objects.active().count() == Session.objects.count()
    granted = Event.objects.filter(tag=Tag.USER_GROUPS_CHANGED).values("subject_id")
    assert set(User.objects.filter(groups__isnull=False)) == set(
        User.objects.filter(pk__in=granted)
    )


def check_organizations() -> None:
    about = Event.objects.filter(organization__isnull=False).select_related("details")
    assert all(event.has_its_organization for event in about)
    created = {event.organization_id: event for event in about.filter(tag=Tag.ORGANIZATION_CREATED)}
    organizations = Organization.objects.in_bulk()
    assert {
        (key, event.personal_values["name"], event.created_at) for key, event in created.items()
    } == {(each.pk, each.name, each.created_at) for each in organizations.values()}
    sent = {event.subject_id: event for event in about.filter(tag=Tag.ORGANIZATION_INVITATION_SENT)}
    joined = {
        (event.subject_id, event.organization_id): event
        for event in about.filter(
            tag__in=(Tag.ORGANIZATION_INVITATION_ACCEPTED, Tag.MEMBER_IMPORTED)
        )
    }
    changed = {
        (event.subject_id, event.organization_id): event
        for event in about.filter(tag=Tag.MEMBER_ROLE_CHANGED)
    }
    assert changed
    for membership in Membership.objects.select_related("user"):
        key = membership.user_id, membership.organization_id
        founded = created[membership.organization_id]
        if membership.role == Role.OWNER:
            assert (founded.actor_id, founded.subject_id) == (key[0], key[0])
            assert membership.created_at == founded.created_at
            continue
        event = joined.pop(key)
        role, change = event.data["role"], changed.pop(key, None)
        if change:
            assert change.created_at > event.created_at
            assert change.data["old"] == role
            role = change.data["new"]
        assert (membership.role, membership.created_at) == (role, event.created_at)
        assert event.created_at >= max(founded.created_at, membership.user.date_joined)
        if event.tag == Tag.MEMBER_IMPORTED:
            continue
        invitation = sent.pop(UUID(event.data["link"]))
        assert founded.created_at <= invitation.created_at < event.created_at
        assert invitation.personal_values["email"] == membership.user.email
        assert invitation.data["role"] == event.data["role"]
    # Everything else would be about a membership that does not exist.
    assert (joined, sent, changed) == ({}, {}, {})


def check_events() -> None:
    # No user acts before they joined, or while they are suspended.
    by_users = Event.objects.filter(actor__isnull=False)
    assert not by_users.filter(created_at__lt=F("actor__date_joined")).exists()
    assert not by_users.filter(created_at__gte=F("actor__suspension__created_at")).exists()
    for event in Event.objects.select_related("details").order_by("-pk")[:200]:
        details = getattr(event, "details", None)
        assert (details and details.digest()) == (
            event.details_digest and bytes(event.details_digest)
        )


@pytest.mark.usefixtures("seeded")
def test_charts_rows_and_events_agree() -> None:
    check_charts()
    check_rows()
    check_organizations()
    check_events()
    call_command("verify_audit")

    # Django's own permissions open nothing.
    assert Group.objects.count() == 5
    held = Permission.objects.filter(group__isnull=False)
    assert set(held.values_list("content_type__model", flat=True)) == {MODEL}
