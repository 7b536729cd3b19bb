"""Test data: a few dozen users, with and without related rows."""

import datetime as dt
from typing import Final
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from core.security.actor import ANONYMOUS, SYSTEM, Actor
from tests.support.factories import (
    make_organization,
    make_organization_invitation,
    make_session,
    make_user,
)
from users.accounts.models import LastSeen, Metadata, Profile, User
from users.activity.models import IntervalCounts
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension
from users.organizations.models import Membership, Organization, Role

CHROME: Final = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
MISSING_USER_ID: Final = UUID("01890000-0000-7000-8000-000000000000")
DAY: Final = dt.timedelta(days=1)


def populate() -> dict[str, Actor]:
    """Create users and related rows; return the actors."""
    people = _people()
    alice, olga, sam, root, *others = people
    _organizations(olga, alice, sam, others)
    _groups(people)
    sessions = _sessions(people)
    _suspensions(others)
    actors = {
        "anonymous": ANONYMOUS,
        "person": _actor(sessions[alice.pk]),
        "owner": _actor(sessions[olga.pk]),
        "staff": _actor(sessions[sam.pk]),
        "administrator": _actor(sessions[root.pk]),
        "other staff": _actor(make_session(make_user("sue", is_staff=True))),
        "other administrator": _actor(
            make_session(make_user("rita", is_staff=True, is_superuser=True))
        ),
    }
    _events(people, actors["person"], actors["staff"])
    return actors


def _people() -> list[User]:
    now = timezone.now()
    cast = [
        make_user("alice", name="Alice Archer", email_verified_at=now),
        make_user("olga", name="Ольга", is_public=True, seen=now),
        make_user("sam", is_staff=True),
        make_user("root", is_staff=True, is_superuser=True, seen=now - DAY),
    ]
    others = [
        make_user(
            f"person-{number:02}",
            name=("", "Zoë Ångström", "Ann\u200d Lee", "anna ANNA")[number % 4],
            email=f"{number:02}@{'example.org' if number % 3 else 'example.com'}",
            email_verified_at=now - number * DAY if number % 2 else None,
            date_joined=now - (number // 2) * DAY,
            is_public=number % 3 != 0,
            locale="de" if number % 5 == 0 else "en",
            seen=now - number * DAY if number % 4 else None,
        )
        for number in range(24)
    ]
    Profile.objects.filter(user=others[1]).update(
        avatar="0" * 32, bio="“Hello”\n\t\\", website="https://é.example"
    )
    Metadata.objects.create(user=others[4], public={"a": [1.5, None, "é"]}, private={"b": {}})
    # Two users with missing rows: one without a profile, one without `last_seen`.
    Profile.objects.filter(user=others[2]).delete()
    LastSeen.objects.filter(user=others[3]).delete()
    return [*cast, *others]


def _organizations(olga: User, alice: User, sam: User, others: list[User]) -> None:
    full = make_organization("Full", *others[:9])
    Membership.objects.create(organization=full, user=olga, role=Role.OWNER)
    Membership.objects.create(organization=full, user=alice)
    small = make_organization("small", others[4], others[5], role=Role.ADMIN)
    Membership.objects.create(organization=small, user=olga, role=Role.OWNER)
    hers = make_organization("Ærø", alice, role=Role.ADMIN)
    strangers = make_organization("Strangers", *others[10:14], sam)
    make_organization("Empty")
    for number, organization in enumerate((full, full, small, hers, strangers)):
        inviter = (olga, others[0], others[4], alice, others[10])[number]
        make_organization_invitation(organization, inviter, email=f"new-{number}@example.org")


def _groups(people: list[User]) -> None:
    permissions = list(Permission.objects.order_by("pk"))
    for number, name in enumerate(("Zebras", "editors", "Éditeurs", "empty")):
        group = Group.objects.create(name=name)
        group.permissions.set(permissions[number * 2 : number * 4])
        group.user_set.set(people[: 20 * (number % 3) : number + 1])
    people[0].groups.set(Group.objects.all())
    people[1].user_permissions.set(permissions[3:6])


def _sessions(people: list[User]) -> dict[UUID, Session]:
    sessions = {user.pk: make_session(user) for user in people[:12]}
    for number, user in enumerate(people[:8]):
        session = make_session(user, days=2)
        session.ip = ("192.0.2.1", "2001:db8::1", None)[number % 3]
        session.user_agent = ("", CHROME, "☃")[number % 3]
        session.save()
        make_session(user, days=-1)
    return sessions


def _suspensions(others: list[User]) -> None:
    for number, user in enumerate(others[4:8]):
        until = timezone.now() + DAY if number % 2 else None
        Suspension.objects.create(user=user, reason=f"Reason {number}", until=until)
        User.objects.filter(pk=user.pk).update(is_active=False)


def _events(people: list[User], person: Actor, staff: Actor) -> None:
    for number, user in enumerate(people[:8]):
        tag = list(Tag)[number]
        record(tag, actor=staff, subject_id=user.pk, personal={"old": "x", "new": [1, None]})
        record(tag, actor=SYSTEM, subject_id=people[0].pk, nested={"a": [1.5, None, "é"]})
        record(tag, actor=person, subject_id=MISSING_USER_ID, was=None)
        record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=user.pk)
    record(
        Tag.LOGGED_IN, actor=Actor(user_id=MISSING_USER_ID, ip="192.0.2.9"), subject_id=people[0].pk
    )
    record(Tag.GROUP_CHANGED, actor=staff, subject_id=None)
    for number, organization in enumerate(Organization.objects.order_by("pk")):
        for actor in (person, staff, ANONYMOUS)[: number + 1]:
            subject_id = people[number].pk
            record(
                Tag.MEMBER_LEFT, actor=actor, subject_id=subject_id, organization=organization.pk
            )
    today = timezone.now().date()
    for number in range(5):
        IntervalCounts.objects.create(interval="day", start=today - number * DAY, log_ins=number)


def _actor(session: Session) -> Actor:
    user = session.user
    return Actor(
        user_id=user.pk,
        session_id=session.pk,
        is_staff=user.is_staff,
        is_superuser=user.is_superuser,
        ip="192.0.2.7",
        user_agent=CHROME,
    )
