"""What each change of a declared table touches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from core.security.actor import ANONYMOUS, Actor
from tests.support.factories import (
    make_organization,
    make_organization_invitation,
    make_user,
)
from users.accounts.models import EmailAddress, Metadata, Profile, User
from users.accounts.versions import GROUPS, PERMISSIONS
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.tags import Tag
from users.activity.versions import writes_of
from users.authentication.models import Suspension
from users.organizations.models import Membership, Organization, OrganizationInvitation, Role
from users.privacy.models import AccountDeletion

GLOBAL = {"groups": GROUPS, "permissions": PERMISSIONS}
MEMBERSHIPS = User.groups.through
GRANTS = User.user_permissions.through
GROUP_GRANTS = Group.permissions.through
NOW = timezone.now()
ALICE = {"alice", "archers", "bakers"}


@dataclass(frozen=True)
class Cast:
    """Alice is in two organisations, Bob in one of them, others in none."""

    alice: User
    bob: User
    charlie: User
    # Without a profile and other rows.
    dora: User
    archers: Organization
    bakers: Organization
    others: Organization
    editors: Group
    authors: Group
    permission: Permission
    free: Permission

    def names(self) -> dict[str, UUID]:
        users = {name: getattr(self, name).pk for name in ("alice", "bob", "charlie", "dora")}
        named = {name: getattr(self, name).pk for name in ("archers", "bakers", "others")}
        writes = {"writes of bob": writes_of(self.bob.pk)}
        return users | named | writes | GLOBAL


def make_cast() -> Cast:
    """Create the cast."""
    alice, bob, charlie = (make_user(name) for name in ("alice", "bob", "charlie"))
    dora = User.objects.create(username="dora", email="dora@example.org", password="!")
    archers = make_organization("Archers", alice, bob)
    bakers = make_organization("Bakers", alice)
    others = make_organization("Others")
    editors, authors = (Group.objects.create(name=name) for name in ("Editors", "Authors"))
    permission, free = Permission.objects.order_by("pk")[:2]
    editors.permissions.add(permission)
    alice.groups.add(editors)
    alice.user_permissions.add(permission)
    Metadata.objects.create(user=alice, public={"plan": 1}, private={})
    EmailAddress.objects.create(user=alice, email="second@example.org", verified_at=NOW)
    Suspension.objects.create(user=alice, reason="Spam")
    AccountDeletion.objects.create(user=alice, expires_at=NOW)
    make_organization_invitation(archers, alice, email="new@example.org")
    return Cast(
        *(alice, bob, charlie, dora, archers, bakers, others, editors, authors, permission, free)
    )


def run_sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def membership(cast: Cast) -> Any:
    return Membership.objects.filter(user=cast.alice, organization=cast.archers)


# The table, the operation, the change, and the names of what it touches.
Case = tuple[type[Model], str, Callable[[Cast], object], set[str]]
CASES: list[Case] = [
    (
        User,
        "insert",
        lambda cast: User.objects.create(
            pk=UUID(int=7), username="new", email="new@example.org", password="!"
        ),
        {str(UUID(int=7))},
    ),
    (User, "update", lambda cast: User.objects.filter(pk=cast.alice.pk).update(name="A."), ALICE),
    (
        User,
        "update",
        lambda cast: User.objects.update(is_public=True),
        {*ALICE, "bob", "charlie", "dora"},
    ),
    (
        User,
        "update",
        lambda cast: run_sql(
            "UPDATE accounts_user SET second_factors = '{totp}' WHERE id = %s", cast.charlie.pk
        ),
        {"charlie"},
    ),
    (
        User,
        "update",
        lambda cast: User.objects.bulk_update(
            [User(pk=each.pk, name="!") for each in (cast.bob, cast.charlie)], ["name"]
        ),
        {"bob", "archers", "charlie"},
    ),
    (User, "delete", lambda cast: cast.alice.delete(), ALICE),
    (
        User,
        "delete",
        lambda cast: run_sql("DELETE FROM accounts_user WHERE id = %s", cast.dora.pk),
        {"dora"},
    ),
    (
        Profile,
        "insert",
        lambda cast: Profile.objects.create(user=cast.dora),
        {"dora"},
    ),
    (
        Profile,
        "update",
        lambda cast: Profile.objects.filter(user=cast.bob).update(bio="!"),
        {"bob", "archers"},
    ),
    (Profile, "delete", lambda cast: Profile.objects.filter(user=cast.alice).delete(), ALICE),
    (Metadata, "insert", lambda cast: Metadata.objects.create(user=cast.charlie), {"charlie"}),
    (
        Metadata,
        "update",
        lambda cast: Metadata.objects.filter(user=cast.alice).update(private={"a": None}),
        ALICE,
    ),
    (Metadata, "delete", lambda cast: Metadata.objects.all().delete(), ALICE),
    (
        EmailAddress,
        "insert",
        lambda cast: EmailAddress.objects.create(
            user=cast.bob, email="third@example.org", verified_at=NOW
        ),
        {"bob", "archers"},
    ),
    (
        EmailAddress,
        "update",
        lambda cast: EmailAddress.objects.update(undeliverable_at=NOW),
        ALICE,
    ),
    (
        EmailAddress,
        "update",
        lambda cast: EmailAddress.objects.update(user=cast.charlie),
        {*ALICE, "charlie"},
    ),
    (EmailAddress, "delete", lambda cast: EmailAddress.objects.all().delete(), ALICE),
    (MEMBERSHIPS, "insert", lambda cast: cast.bob.groups.add(cast.authors), {"bob", "archers"}),
    (
        MEMBERSHIPS,
        "update",
        lambda cast: MEMBERSHIPS.objects.update(group=cast.authors),
        ALICE,
    ),
    (MEMBERSHIPS, "delete", lambda cast: cast.alice.groups.clear(), ALICE),
    (MEMBERSHIPS, "delete", lambda cast: cast.editors.delete(), {*ALICE, "groups"}),
    (GRANTS, "insert", lambda cast: cast.charlie.user_permissions.add(cast.free), {"charlie"}),
    (GRANTS, "update", lambda cast: GRANTS.objects.update(permission=cast.free), ALICE),
    (GRANTS, "delete", lambda cast: cast.alice.user_permissions.clear(), ALICE),
    (Group, "insert", lambda cast: Group.objects.create(name="New"), {"groups"}),
    (
        Group,
        "update",
        lambda cast: Group.objects.filter(name="Editors").update(name="E"),
        {"groups"},
    ),
    (Group, "delete", lambda cast: cast.authors.delete(), {"groups"}),
    (GROUP_GRANTS, "insert", lambda cast: cast.authors.permissions.add(cast.free), {"groups"}),
    (
        GROUP_GRANTS,
        "update",
        lambda cast: GROUP_GRANTS.objects.update(permission=cast.free),
        {"groups"},
    ),
    (GROUP_GRANTS, "delete", lambda cast: cast.editors.permissions.clear(), {"groups"}),
    (
        Permission,
        "insert",
        lambda cast: Permission.objects.create(
            content_type=cast.free.content_type, codename="sell", name="Sell"
        ),
        {"permissions"},
    ),
    (
        Permission,
        "update",
        lambda cast: Permission.objects.filter(pk=cast.free.pk).update(name="?"),
        {"permissions"},
    ),
    (
        Permission,
        "delete",
        lambda cast: cast.permission.delete(),
        {*ALICE, "groups", "permissions"},
    ),
    (
        ContentType,
        "insert",
        lambda cast: ContentType.objects.create(app_label="billing", model="custom"),
        {"permissions"},
    ),
    (
        ContentType,
        "update",
        lambda cast: ContentType.objects.filter(model="user").update(app_label="billing"),
        {"permissions"},
    ),
    (
        ContentType,
        "delete",
        lambda cast: run_sql(
            "DELETE FROM django_content_type WHERE id NOT IN"
            " (SELECT content_type_id FROM auth_permission)"
        ),
        {"permissions"},
    ),
    (
        Suspension,
        "insert",
        lambda cast: Suspension.objects.create(user=cast.charlie, reason="Spam"),
        {"charlie"},
    ),
    (Suspension, "update", lambda cast: Suspension.objects.update(reason="?"), ALICE),
    (Suspension, "delete", lambda cast: Suspension.objects.all().delete(), ALICE),
    (
        AccountDeletion,
        "insert",
        lambda cast: AccountDeletion.objects.create(user=cast.charlie, expires_at=NOW),
        {"charlie"},
    ),
    (
        AccountDeletion,
        "update",
        lambda cast: AccountDeletion.objects.update(expires_at=timezone.now()),
        ALICE,
    ),
    (AccountDeletion, "delete", lambda cast: AccountDeletion.objects.all().delete(), ALICE),
    (
        Organization,
        "insert",
        lambda cast: Organization.objects.create(pk=UUID(int=9), name="New"),
        {str(UUID(int=9))},
    ),
    (
        Organization,
        "update",
        lambda cast: Organization.objects.filter(pk=cast.bakers.pk).update(name="B"),
        {"bakers"},
    ),
    (Organization, "delete", lambda cast: cast.others.delete(), {"others"}),
    (Organization, "delete", lambda cast: cast.archers.delete(), {"archers", "alice", "bob"}),
    (
        Membership,
        "insert",
        lambda cast: Membership.objects.create(organization=cast.others, user=cast.bob),
        {"others", "bob"},
    ),
    (
        Membership,
        "insert",
        lambda cast: Membership.objects.bulk_create(
            Membership(organization=cast.others, user=each) for each in (cast.bob, cast.charlie)
        ),
        {"others", "bob", "charlie"},
    ),
    (
        Membership,
        "update",
        lambda cast: membership(cast).update(role=Role.OWNER),
        {"archers", "alice"},
    ),
    (
        Membership,
        "update",
        lambda cast: membership(cast).update(organization=cast.others),
        {"archers", "others", "alice"},
    ),
    (
        Membership,
        "update",
        lambda cast: membership(cast).update(user=cast.charlie),
        {"archers", "alice", "charlie"},
    ),
    (Membership, "delete", lambda cast: membership(cast).delete(), {"archers", "alice"}),
    (
        OrganizationInvitation,
        "insert",
        lambda cast: make_organization_invitation(cast.bakers, cast.alice, email="x@example.org"),
        {"bakers"},
    ),
    (
        OrganizationInvitation,
        "update",
        lambda cast: OrganizationInvitation.objects.update(organization=cast.others),
        {"archers", "others"},
    ),
    (
        OrganizationInvitation,
        "delete",
        lambda cast: OrganizationInvitation.objects.all().delete(),
        {"archers"},
    ),
    (
        Event,
        "insert",
        lambda cast: record(Tag.USER_CHANGED, actor=Actor(user_id=cast.bob.pk), subject_id=None),
        {"writes of bob"},
    ),
    (
        Event,
        "insert",
        lambda cast: record(Tag.USER_CHANGED, actor=ANONYMOUS, subject_id=None),
        set(),
    ),
]
