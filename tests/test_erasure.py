"""Erasing people: nothing personal is left anywhere, and the audit trail stays whole."""

import datetime as dt
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.utils import timezone

from core.actor import Actor
from core.outbox.models import OutboxMessage
from core.ratelimit import in_postgresql
from core.ratelimit.limits import Bucket, attempt
from tests import canaries
from tests.canaries import (
    AGENT,
    BIO,
    EMAIL,
    FORMER_EMAIL,
    FORMER_USERNAME,
    IP,
    NAME,
    NEXT_EMAIL,
    OTHER_IP,
    REASON,
    TEXTS,
    TIME_ZONE,
    USERNAME,
    WEBSITE,
    in_database,
    in_redis,
)
from tests.client import GraphQLClient
from tests.conftest import Sink
from tests.factories import PASSWORD, make_organization, make_token, make_user, node_id
from tests.signing_in import LOG_IN
from tests.signing_in import attempt as try_to_log_in
from tests.test_deletion import make_due, schedule
from users.accounts.models import EmailChange, Invitation, SignUp, User
from users.accounts.throttling import buckets_of as account_buckets
from users.activity.models import Event, EventDetails, EventSeal
from users.activity.record import record
from users.activity.tags import Tag
from users.activity.tasks import seal_events
from users.authentication.models import PasswordReset, RefreshToken, Session
from users.authentication.throttling import buckets_of as log_in_buckets
from users.organizations.models import OrganizationInvitation, Role
from users.organizations.throttling import buckets_of as organization_buckets
from users.privacy.models import AccountDeletion
from users.privacy.services import erasure
from users.privacy.services.erasure import erase_person, remove_rows
from users.privacy.tasks import erase_people


def from_the_canary(token: str | None = None, ip: str = IP) -> GraphQLClient:
    """Return a client at the person's address, with the person's browser."""
    client = GraphQLClient(token)
    client.http.defaults.update({"REMOTE_ADDR": ip, "HTTP_USER_AGENT": AGENT})
    return client


def do(client: GraphQLClient, name: str, input_: str) -> Any:
    """Carry out a mutation that must not be refused."""
    answer = client(f"mutation {{ {name}(input: {input_}) {{ errors {{ code field }} }} }}")
    assert answer.problems == [], (name, answer.body)
    return answer.data


def lead_a_full_life(root: User) -> User:
    """Have somebody use everything there is; return whom."""
    admin = GraphQLClient(make_token(root))
    stranger = from_the_canary()
    do(
        stranger,
        "signUp",
        f'{{email: "{FORMER_EMAIL}", username: "{FORMER_USERNAME}", password: "{PASSWORD}"}}',
    )
    do(stranger, "resendVerification", f'{{email: "{FORMER_EMAIL}"}}')
    do(stranger, "verifyEmail", f'{{token: "{SignUp.objects.get().token}"}}')
    user = User.objects.get(email=FORMER_EMAIL)
    for ip in (IP, OTHER_IP):
        answer = from_the_canary(ip=ip)(LOG_IN, login=FORMER_USERNAME, password=PASSWORD)
        token = answer.data["logIn"]["accessToken"]
    client = from_the_canary(token, OTHER_IP)
    do(
        client,
        "updateProfile",
        f'{{name: "{NAME}", bio: "{BIO}", website: "{WEBSITE}", timeZone: "{TIME_ZONE}",'
        " isPublic: true}",
    )
    do(client, "changeUsername", f'{{username: "{USERNAME}", password: "{PASSWORD}"}}')
    for email in (EMAIL, NEXT_EMAIL):
        do(client, "requestEmailChange", f'{{email: "{email}", password: "{PASSWORD}"}}')
        if email == EMAIL:
            do(client, "confirmEmailChange", f'{{token: "{EmailChange.objects.get().token}"}}')
    group = Group.objects.create(name="Singers")
    user.groups.add(group)
    user.user_permissions.add(Permission.objects.all()[0])
    organize(user, client, root)
    for _number in range(3):
        try_to_log_in(EMAIL, REMOTE_ADDR=IP, HTTP_USER_AGENT=AGENT)
    do(stranger, "requestPasswordReset", f'{{email: "{EMAIL}"}}')
    do(admin, "suspendUser", f'{{userId: "{node_id(user)}", reason: "{REASON}"}}')
    do(admin, "reactivateUser", f'{{userId: "{node_id(user)}"}}')
    answer = from_the_canary()(LOG_IN, login=USERNAME, password=PASSWORD)
    do(
        from_the_canary(answer.data["logIn"]["accessToken"]),
        "deleteMe",
        f'{{password: "{PASSWORD}"}}',
    )
    return user


def organize(user: User, client: GraphQLClient, root: User) -> None:
    """Have the person belong, invite and be invited."""
    choir = make_organization("Choir", user, root, role=Role.OWNER)
    do(
        client,
        "inviteToOrganization",
        f'{{organizationId: "{node_id(choir)}", email: "guest@example.org"}}',
    )
    admin = GraphQLClient(make_token(root))
    for name, answer in (("Band", "decline"), ("Orchestra", "nothing"), ("Quartet", "cancel")):
        other = make_organization(name, root, role=Role.OWNER)
        do(
            admin,
            "inviteToOrganization",
            f'{{organizationId: "{node_id(other)}", email: "{EMAIL}"}}',
        )
        invitation = OrganizationInvitation.objects.get(organization=other)
        if answer == "decline":
            stranger = from_the_canary()
            do(stranger, "declineOrganizationInvitation", f'{{token: "{invitation.token}"}}')
        elif answer == "cancel":
            do(admin, "cancelOrganizationInvitation", f'{{invitationId: "{node_id(invitation)}"}}')


def leave_traces(user: User) -> list[Bucket]:
    """Add what takes time or bad luck to come about; return the buckets that are filled."""
    soon = timezone.now() + dt.timedelta(hours=1)
    session = Session.objects.create(user=user, ip=IP, user_agent=AGENT, expires_at=soon)
    RefreshToken.objects.create(session=session, digest=b"canary digest", expires_at=soon)
    Invitation.objects.create(email=EMAIL, name=NAME, locale="en", expires_at=soon)
    SignUp.objects.create(
        email=EMAIL, username="canary.third", password="!", locale="en", expires_at=soon
    )
    EmailChange.objects.create(user=user, email=NEXT_EMAIL, expires_at=soon)
    PasswordReset.objects.create(user=user, email=EMAIL, expires_at=soon)
    emails = [EMAIL, FORMER_EMAIL, NEXT_EMAIL]
    buckets = [
        *account_buckets(user.pk, emails),
        *organization_buckets(user.pk, emails),
        *log_in_buckets([*emails, USERNAME]),
    ]
    attempt(*(bucket for bucket in buckets if bucket.limit.name != "log_in.lockout"))
    in_postgresql.fill({bucket.key: bucket.limit for bucket in buckets})
    # A mail server that is down for a month.
    event = Event.objects.filter(subject_id=user.pk).latest("pk")
    OutboxMessage.objects.create(
        subscriber="users.privacy.tasks.mail_deletion",
        payload={"event_id": str(event.pk)},
        dispatch_at=soon,
    )
    return buckets


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def events() -> list[tuple[Any, ...]]:
    return list(Event.objects.order_by("pk").values_list())


def test_no_canary_is_left_anywhere(
    worker: Sink, root: User, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    # What any process of ours would log, and more.
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    user = lead_a_full_life(root)
    wait_for(lambda: not OutboxMessage.objects.exists())
    buckets = leave_traces(user)
    secrets = [bucket.key for bucket in buckets]
    seal_events()
    before = events()
    everywhere = {table.partition(".")[2] for table, _form in in_database(TEXTS)}
    assert {
        *("accounts_user", "accounts_profile", "accounts_emailchange", "accounts_signup"),
        *("accounts_invitation", "activity_eventdetails", "authentication_session"),
        *("authentication_passwordreset", "organizations_organizationinvitation"),
    } <= everywhere
    assert in_database(secrets)
    assert in_redis(secrets)
    make_due(user)

    erase_people()
    wait_for(lambda: User.objects.get(pk=user.pk).erased_at is not None)
    wait_for(lambda: not OutboxMessage.objects.exists())

    assert in_database([*TEXTS, *secrets, b"canary digest"]) == set()
    assert in_redis([*TEXTS, *secrets]) == set()
    printed = capfd.readouterr()
    logged = caplog.text + printed.out + printed.err
    assert canaries.found_in(logged, TEXTS) == set()
    # The events are all there, and one that tells of the erasure.
    assert events()[:-1] == before
    erased = Event.objects.latest("pk")
    assert (erased.tag, erased.subject_id, erased.actor_id) == (Tag.USER_ERASED, user.pk, None)
    seal_events()
    call_command("verify_audit")
    assert EventSeal.objects.count() == len(before) + 1


# What is left ----------------------------------------------------------------------------


def erase(user: User) -> User:
    schedule(user)
    make_due(user)
    erase_person(user.pk)
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
    assert left.authorization_version > alice.authorization_version + 1
    assert not AccountDeletion.objects.exists()


def test_address_and_username_are_free_again(transactional_db: None) -> None:
    erase(make_user("alice"))
    again = make_user("alice")
    assert User.objects.get(username="alice") == again


def test_two_erased_people_do_not_collide(transactional_db: None) -> None:
    first, second = (erase(make_user(name)) for name in ("first", "second"))
    assert first.username != second.username
    assert first.email != second.email


def test_other_people_keep_theirs(transactional_db: None) -> None:
    alice, bob = make_user("alice"), make_user("bob", name="Bob")
    archers = make_organization("Archers", alice, bob)
    record(Tag.LOGGED_IN, actor=Actor(user_id=bob.pk, ip="192.0.2.2"), subject_id=bob.pk)
    make_token(bob)

    erase(alice)

    bob.refresh_from_db()
    assert (bob.username, bob.name, bob.sessions.count()) == ("bob", "Bob", 1)
    assert list(archers.memberships.values_list("user", flat=True)) == [bob.pk]
    assert EventDetails.objects.get().values == {"ip": "192.0.2.2"}


@pytest.mark.parametrize("moment", ["before it is due", "after it was undone"])
def test_nobody_is_erased(transactional_db: None, moment: str) -> None:
    alice = make_user("alice")
    schedule(alice)
    if moment == "after it was undone":
        AccountDeletion.objects.all().delete()
    details = EventDetails.objects.count()

    erase_person(alice.pk)

    alice.refresh_from_db()
    assert (alice.username, alice.erased_at) == ("alice", None)
    assert EventDetails.objects.count() == details
    assert not Event.objects.filter(tag=Tag.USER_ERASED).exists()


class Cut:
    """Removes rows of so many tables, one more each time, and is interrupted then."""

    def __init__(self) -> None:
        self.left = self.allowed = 0

    def __call__(self, *arguments: Any) -> None:
        if not self.left:
            raise InterruptedError
        self.left -= 1
        remove_rows(*arguments)


def test_erasing_is_taken_up_again_where_it_was_cut_short(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it came, the next time finds what is left by the person's addresses."""
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
    cut = Cut()
    monkeypatch.setattr(erasure, "remove_rows", cut)

    while User.objects.get(pk=alice.pk).erased_at is None:
        with suppress(InterruptedError):
            cut.left, cut.allowed = cut.allowed, cut.allowed + 1
            erase_person(alice.pk)

    assert cut.allowed > 10
    assert in_database(["alice"]) == set()
    assert Event.objects.filter(tag=Tag.USER_ERASED).count() == 1


def test_erasing_is_done_once(transactional_db: None) -> None:
    alice = erase(make_user("alice"))
    before = (alice.username, Event.objects.count())
    erase_person(alice.pk)
    alice.refresh_from_db()
    assert (alice.username, Event.objects.count()) == before


def test_who_is_erased_is_nobody_to_administrators(transactional_db: None) -> None:
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
