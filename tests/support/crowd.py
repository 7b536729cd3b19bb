"""Thirty users with one row of every kind, for tests of statement counts."""

from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission

from core.security.actor import Actor
from tests.support.factories import (
    make_api_token,
    make_bulk_action,
    make_crowd,
    make_delivery,
    make_factors,
    make_organization,
    make_organization_invitation,
    make_service,
    make_session,
    make_user,
    make_user_export,
    make_user_import,
    make_webhook,
    node_id,
)
from users.accounts.errors import AccountErrorCode
from users.accounts.models import User
from users.activity.services.record import record
from users.activity.tags import Tag
from users.organizations.models import Membership, Role
from users.scopes import Scope

SIZE = 30


@dataclass(frozen=True)
class CrowdRows:
    """The users of the crowd by fixture, and ids for queries."""

    cast: dict[str, User]
    ids: dict[str, str]


def build_crowd() -> CrowdRows:
    sam = make_user("sam", is_staff=True)
    alice = make_user("alice", name="Alice Archer")
    organization = make_organization("Archers", sam, role=Role.ADMIN)
    Membership.objects.create(organization=organization, user=alice, role=Role.ADMIN)
    editors = Group.objects.create(name="Editors")
    editors.permissions.add(*Permission.objects.filter(codename__startswith="view_")[:3])
    Group.objects.bulk_create(Group(name=f"Group {number}") for number in range(SIZE))
    users = make_crowd(SIZE, organization=organization, group=editors)
    make_factors(sam, alice, passkeys=SIZE)
    actor = Actor(user_id=users[0].pk, ip="192.0.2.1")
    for user in (sam, alice, users[0]):
        for _number in range(SIZE):
            record(Tag.LOGGED_IN, actor=actor, subject_id=user.pk)
            record(Tag.MEMBER_LEFT, actor=actor, subject_id=None, organization=organization.pk)
            make_session(user)
            make_api_token(user, Scope.USERS_READ, Scope.EVENTS_READ)
    for number in range(SIZE):
        make_service(f"service-{number:02}")
        other = make_organization(f"Organisation {number}", sam)
        for inviter in (sam, alice):
            make_organization_invitation(other, inviter, email=f"{inviter.pk}@example.org")
            make_organization_invitation(
                organization, inviter, email=f"{inviter.pk}-{number}@example.org"
            )
    authors = Group.objects.create(name="Authors")
    for user in (sam, alice):
        user.groups.add(editors, authors)
    # Of alternating kinds, so that each page has all.
    codes = [AccountErrorCode.EMAIL_TAKEN] * (SIZE + 1)
    jobs = [
        (make_bulk_action(sam, *users), make_user_export(sam), make_user_import(sam, *codes))
        for _number in range(SIZE + 1)
    ]
    bulk_action, export, user_import = jobs[0]
    webhooks = [make_webhook(sam, organization) for _number in range(SIZE + 1)]
    for webhook in webhooks[-2:]:
        for _number in range(SIZE):
            make_delivery(
                webhook,
                record(
                    Tag.MEMBER_LEFT, actor=actor, subject_id=sam.pk, organization=organization.pk
                ),
            )
    rows = {
        "user": users[0],
        "organization": organization,
        "group": editors,
        "bulk": bulk_action,
        "export": export,
        "import": user_import,
        "webhook": webhooks[-1],
    }
    ids = {name: node_id(row) for name, row in rows.items()}
    return CrowdRows({"sam": sam, "alice": alice}, ids)
