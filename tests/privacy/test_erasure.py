"""Erasure of users: no personal data is left, and the audit trail stays intact."""

import datetime as dt
import logging
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.security.actor import Actor
from tests.privacy.test_deletion import make_due, schedule
from tests.support import canaries
from tests.support.canaries import (
    TEXTS,
    in_database,
    in_files,
    in_redis,
)
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_organization, make_token, make_user, node_id
from tests.support.full_life import create_full_account, create_traces, do, former_avatars
from tests.support.logs import written_lines
from tests.support.sink import Sink
from tests.support.waiting import meanwhile, wait_until
from users.accounts.avatars.images import AvatarSize
from users.accounts.models import (
    EmailAddress,
    Metadata,
    Profile,
    User,
)
from users.activity.models import Event, EventDetails, EventSeal
from users.activity.services.record import record
from users.activity.tags import Tag
from users.activity.tasks import seal_events
from users.authentication.models import (
    ApiToken,
    Passkey,
    RecoveryCode,
    Totp,
)
from users.organizations.models import OrganizationInvitation, Role
from users.privacy.models import AccountDeletion
from users.privacy.services import erasure
from users.privacy.services.erasure import erase_user, remove_rows
from users.privacy.tasks import erase_due_users


def events() -> list[tuple[Any, ...]]:
    return list(Event.objects.order_by("pk").values_list())


def test_erasure_leaves_no_personal_data(
    worker: Sink, root: User, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    # All levels, more than any process logs.
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    user = create_full_account(root)
    wait_until(lambda: not OutboxMessage.objects.exists())
    buckets = create_traces(user)
    secrets = [bucket.key for bucket in buckets]
    factors: list[str | bytes] = [
        Totp.objects.get().secret,
        *(bytes(part) for part in Passkey.objects.values_list("credential_id", "public_key").get()),
        *map(bytes, RecoveryCode.objects.values_list("digest", flat=True)),
        bytes(ApiToken.objects.values_list("digest", flat=True).get(user=user)),
    ]
    files = [*former_avatars(user), Profile.objects.get(user=user).avatar, "canary"]
    seal_events()
    before = events()
    everywhere = {table.partition(".")[2] for table, _form in in_database(TEXTS)}
    assert {
        *("accounts_user", "accounts_profile", "accounts_emailchange", "accounts_signup"),
        *("accounts_invitation", "activity_eventdetails", "authentication_session"),
        *("authentication_passwordreset", "organizations_organizationinvitation"),
        *("accounts_emailaddress", "accounts_emailaddition", "accounts_metadata"),
        *("authentication_apitoken", "authentication_passkey"),
    } <= everywhere
    assert len(in_files(files)) > len(AvatarSize)
    assert in_database(secrets)
    assert in_database(factors)
    assert in_redis(secrets)
    make_due(user)

    erase_due_users()
    wait_until(lambda: User.objects.get(pk=user.pk).erased_at is not None)
    wait_until(lambda: not OutboxMessage.objects.exists())

    assert in_database([*TEXTS, *secrets, *factors, b"canary digest"]) == set()
    assert in_files([*TEXTS, *files]) == set()
    assert in_redis([*TEXTS, *secrets]) == set()
    printed = capfd.readouterr()
    logged = written_lines(caplog) + printed.out + printed.err
    assert canaries.found_in(logged, TEXTS) == set()
    # All events are retained, and one about the erasure is added.
    assert events()[:-1] == before
    erased = Event.objects.latest("pk")
    assert (erased.tag, erased.subject_id, erased.actor_id) == (Tag.USER_ERASED, user.pk, None)
    seal_events()
    call_command("verify_audit")
    assert EventSeal.objects.count() == len(before) + 1


# Retained data ---------------------------------------------------------------------------


def erase(user: User) -> User:
    schedule(user)
    make_due(user)
    erase_user(user.pk)
    return User.objects.get(pk=user.pk)


def test_an_anonymous_row_is_left(transactional_db: None) -> None:
    alice = make_user("alice", name="Alice", is_public=True)
    alice.groups.add(Group.objects.create(name="Authors"))

    left = erase(alice)

    assert left.username.startswith("deleted~")
    assert left.email.endswith("@deleted.invalid")
    assert left.name == left.profile.bio == ""
    flags = (left.is_active, left.is_staff, left.is_superuser, left.is_public)
    assert flags == (False, False, False, False)
    assert (left.email_verified_at, left.last_seen.at) == (None, None)
    assert not left.has_usable_password()
    assert not left.groups.exists()
    assert not AccountDeletion.objects.exists()


def test_address_and_username_can_be_reused(transactional_db: None) -> None:
    erase(make_user("alice"))
    again = make_user("alice")
    assert User.objects.get(username="alice") == again


def test_two_erased_users_do_not_collide(transactional_db: None) -> None:
    first, second = (erase(make_user(name)) for name in ("first", "second"))
    assert first.username != second.username
    assert first.email != second.email


def test_data_of_others_are_kept(transactional_db: None) -> None:
    alice, bob = make_user("alice"), make_user("bob", name="Bob")
    archers = make_organization("Archers", alice, bob)
    record(Tag.LOGGED_IN, actor=Actor(user_id=bob.pk, ip="192.0.2.2"), subject_id=bob.pk)
    make_token(bob)

    erase(alice)

    bob.refresh_from_db()
    assert (bob.username, bob.name, bob.sessions.count()) == ("bob", "Bob", 1)
    assert list(archers.memberships.values_list("user", flat=True)) == [bob.pk]
    assert EventDetails.objects.get().values == {"ip": "192.0.2.2"}


@pytest.mark.parametrize("tag", [Tag.EMAIL_CHANGE_REQUESTED, Tag.EMAIL_ADDRESS_REQUESTED])
@pytest.mark.parametrize("email", ["bob@example.org", "bob@example.net"])
def test_requested_address_of_another_user_is_kept(
    transactional_db: None, tag: Tag, email: str
) -> None:
    """Otherwise users could erase others' data by requesting their address."""
    mallory, bob = make_user("mallory"), make_user("bob")
    if email != bob.email:
        EmailAddress.objects.create(user=bob, email=email, verified_at=timezone.now())
    choir = make_organization("Choir", bob, role=Role.OWNER)
    OrganizationInvitation.objects.create(
        organization=make_organization("Band", bob, role=Role.OWNER),
        inviter=bob,
        email=email,
        role=Role.MEMBER,
        locale="en",
        expires_at=timezone.now() + dt.timedelta(days=1),
    )
    kept = record(
        Tag.ORGANIZATION_INVITATION_SENT,
        actor=Actor(user_id=bob.pk),
        subject_id=choir.pk,
        personal={"email": email},
    )
    name = "requestEmailChange" if tag is Tag.EMAIL_CHANGE_REQUESTED else "addEmailAddress"
    client = GraphQLClient(make_token(mallory))
    do(client, name, f'{{email: "{email}", password: "{PASSWORD}"}}')
    assert tag in Event.objects.values_list("tag", flat=True)

    erase(mallory)

    assert EventDetails.objects.get(event=kept).values == {"email": email}
    assert OrganizationInvitation.objects.get().email == email
    assert not EventDetails.objects.filter(event__subject_id=mallory.pk).exists()


@pytest.mark.parametrize("moment", ["before it is due", "after it was undone"])
def test_erasing_unknown_users_does_nothing(transactional_db: None, moment: str) -> None:
    alice = make_user("alice")
    schedule(alice)
    if moment == "after it was undone":
        AccountDeletion.objects.all().delete()
    details = EventDetails.objects.count()

    erase_user(alice.pk)

    alice.refresh_from_db()
    assert (alice.username, alice.erased_at) == ("alice", None)
    assert EventDetails.objects.count() == details
    assert not Event.objects.filter(tag=Tag.USER_ERASED).exists()


class Interruption:
    """Raises after a number of tables, which grows with each run."""

    def __init__(self) -> None:
        self.left = self.allowed = 0

    def __call__(self, *arguments: Any) -> None:
        if not self.left:
            raise InterruptedError
        self.left -= 1
        remove_rows(*arguments)


def test_interrupted_erasure_resumes(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any interruption, the next run finds the remaining rows by address."""
    alice, bob = make_user("alice"), make_user("bob")
    choir = make_organization("Choir", bob, role=Role.OWNER)
    client = GraphQLClient(make_token(bob))
    do(
        client,
        "inviteToOrganization",
        f'{{organizationId: "{node_id(choir)}", email: "{alice.email}"}}',
    )
    schedule(alice)
    make_due(alice)
    cut = Interruption()
    monkeypatch.setattr(erasure, "remove_rows", cut)

    while User.objects.get(pk=alice.pk).erased_at is None:
        with suppress(InterruptedError):
            cut.left, cut.allowed = cut.allowed, cut.allowed + 1
            erase_user(alice.pk)

    assert cut.allowed > 10
    assert in_database(["alice"]) == set()
    assert Event.objects.filter(tag=Tag.USER_ERASED).count() == 1


def test_erasing_waits_for_the_user_before_the_rows(transactional_db: None) -> None:
    alice = make_user("alice")
    Metadata.objects.create(user=alice)
    schedule(alice)
    make_due(alice)

    meanwhile(alice, lambda: erase_user(alice.pk), lambda: Metadata.objects.all().delete())

    assert User.objects.get(pk=alice.pk).erased_at is not None


def test_erasing_is_done_once(transactional_db: None) -> None:
    alice = erase(make_user("alice"))
    before = (alice.username, Event.objects.count())
    erase_user(alice.pk)
    alice.refresh_from_db()
    assert (alice.username, Event.objects.count()) == before


def test_erased_users_are_hidden_from_administrators(transactional_db: None) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    left = erase(make_user("alice"))
    client = GraphQLClient(make_token(root))
    for name, rest in (
        ("suspendUser", ', reason: "Spam"'),
        ("reactivateUser", ""),
        ("deleteUser", ""),
        ("cancelUserDeletion", ""),
        ("updateUser", ', name: "Alice"'),
        ("requirePasswordReset", ""),
    ):
        document = f'{{userId: "{node_id(left)}"{rest}}}'
        answer = client(f"mutation {{ {name}(input: {document}) {{ errors {{ code field }} }} }}")
        assert answer.problems == [("NOT_FOUND", "userId")], name
    shown = client(f'{{ user(id: "{node_id(left)}") {{ username isActive erasedAt name }} }}')
    assert shown.data["user"]["username"] == left.username
    assert shown.data["user"]["erasedAt"] is not None
