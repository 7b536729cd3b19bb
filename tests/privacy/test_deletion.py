"""Deletion of accounts: deactivation at once, cancellation within the grace period."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.conf import settings
from django.utils import timezone

from core.security.actor import SYSTEM
from tests.accounts.test_email_reversal import UNDO
from tests.support.api_tokens import DEACTIVATE
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import (
    PASSWORD,
    make_organization,
    make_service,
    make_token,
    make_user,
    node_id,
)
from tests.support.signing_in import ME, attempt, log_in, log_in_by_cookie, tags
from tests.support.sink import Sink
from users.accounts.models import EmailChange, EmailReversal, User
from users.accounts.services.mailed_links import create_reversal
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import PasswordReset, Session, Suspension
from users.authentication.services.suspension import lift_suspension
from users.organizations.models import Membership, Organization, Role
from users.privacy.models import AccountDeletion

ClientOf = Callable[[User], GraphQLClient]

DELETE_ME = """
    mutation ($password: String!) {
      deleteMe(input: {password: $password}) { dueAt errors { code field message } }
    }
"""
CANCEL = """
    mutation ($token: String!) {
      cancelDeletion(input: {token: $token}) { username errors { code field } }
    }
"""
DELETE_USER = """
    mutation ($id: ID!) {
      deleteUser(input: {userId: $id}) {
        user { username isActive deletion { requestedAt dueAt } } errors { code field message }
      }
    }
"""
CANCEL_USER = """
    mutation ($id: ID!) {
      cancelUserDeletion(input: {userId: $id}) {
        user { isActive deletion { dueAt } } errors { code field }
      }
    }
"""
SUSPEND = """
    mutation ($id: ID!) { suspendUser(input: {userId: $id, reason: "Spam"}) { errors { code } } }
"""
REACTIVATE = """
    mutation ($id: ID!) {
      reactivateUser(input: {userId: $id}) { user { isActive } errors { code field } }
    }
"""


def delete_me(client: GraphQLClient, password: str = PASSWORD) -> Answer:
    return client(DELETE_ME, password=password)


def make_due(user: User) -> None:
    AccountDeletion.objects.filter(user=user).update(expires_at=timezone.now())


def schedule(user: User) -> AccountDeletion:
    """Delete the account as its user; return the scheduled deletion."""
    assert delete_me(GraphQLClient(make_token(user))).problems == []
    return AccountDeletion.objects.get(user=user)


# Own account -----------------------------------------------------------------------------


def test_deletion_deactivates_the_account_immediately(client_of: ClientOf, alice: User) -> None:
    client, other = client_of(alice), client_of(alice)
    PasswordReset.objects.create(user=alice, email=alice.email, expires_at=timezone.now())
    EmailChange.objects.create(user=alice, email="new@example.org", expires_at=timezone.now())

    answer = delete_me(client)

    assert answer.problems == []
    deletion = AccountDeletion.objects.get()
    assert dt.datetime.fromisoformat(answer.data["deleteMe"]["dueAt"]) == deletion.expires_at
    grace = deletion.expires_at - deletion.requested_at
    assert abs(grace - dt.timedelta(days=30)) < dt.timedelta(minutes=1)
    for each in (client, other):
        assert each(ME).codes == ["UNAUTHENTICATED"]
    assert attempt("alice", PASSWORD).problems == [("CREDENTIALS_INVALID", "login")]
    for model in (Session, PasswordReset, EmailChange):
        assert not model.objects.exists()
    event = Event.objects.get(tag=Tag.DELETION_SCHEDULED)
    assert (event.actor_id, event.subject_id) == (alice.pk, alice.pk)
    assert event.data["sessions"] == 2
    # The data is retained until the erasure.
    alice.refresh_from_db()
    assert (alice.is_active, alice.username, alice.name) == (False, "alice", "Alice Archer")


def test_a_browser_is_signed_out(alice: User) -> None:
    client = log_in_by_cookie()
    answer = delete_me(client)
    assert answer.problems == []
    assert client.http.cookies[settings.SESSION_COOKIE].value == ""


def test_a_wrong_password_deletes_nothing(client_of: ClientOf, alice: User) -> None:
    answer = delete_me(client_of(alice), "not the password")
    assert answer.problems == [("PASSWORD_WRONG", "password")]
    assert tags() == [Tag.PASSWORD_REFUSED]
    assert not AccountDeletion.objects.exists()
    assert User.objects.get(pk=alice.pk).is_active


def test_passwords_are_throttled(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    for _number in range(10):
        delete_me(client, "not the password")
    assert delete_me(client).codes == ["TOO_MANY_ATTEMPTS"]
    assert not AccountDeletion.objects.exists()


def test_last_owner_is_refused_with_advice(client_of: ClientOf, alice: User, bob: User) -> None:
    archers = make_organization("Archers", alice, role=Role.OWNER)
    Membership.objects.create(organization=archers, user=bob)
    make_organization("Bowmen", alice, bob, role=Role.OWNER)
    client = client_of(alice)

    answer = delete_me(client)

    assert answer.problems == [("LAST_OWNER", "")]
    (error,) = answer.data["deleteMe"]["errors"]
    assert error["message"].endswith("or delete them: Archers.")
    assert User.objects.get(pk=alice.pk).is_active
    assert (AccountDeletion.objects.count(), tags()) == (0, [])
    Membership.objects.filter(user=bob).update(role=Role.OWNER)
    assert delete_me(client).problems == []


def test_deactivated_owners_do_not_count(client_of: ClientOf, alice: User, bob: User) -> None:
    make_organization("Archers", alice, bob, role=Role.OWNER)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert delete_me(client_of(alice)).problems == [("LAST_OWNER", "")]


def test_concurrent_deletions_keep_one_owner(transactional_db: None) -> None:
    owners = [make_user(name) for name in ("ann", "ben")]
    make_organization("Archers", *owners, role=Role.OWNER)
    clients = [GraphQLClient(make_token(user)) for user in owners]

    answers = run_concurrently(*[lambda client=client: delete_me(client) for client in clients])

    assert sorted(answer.problems for answer in answers) == [[], [("LAST_OWNER", "")]]
    assert User.objects.filter(is_active=True).count() == 1


def test_the_last_administrator_stays(client_of: ClientOf, root: User) -> None:
    assert delete_me(client_of(root)).problems == [("LAST_ADMINISTRATOR", "")]
    assert User.objects.get(pk=root.pk).is_active


# Cancellation ----------------------------------------------------------------------------


def test_address_that_undoes_its_change_is_mailed_the_link(worker: Sink) -> None:
    """A thief changed the address, and deleted the account."""
    alice = make_user("alice", email="thief@example.net")
    deletion = schedule(alice)
    assert worker.next()["To"] == "thief@example.net"
    create_reversal(alice.pk, "alice@example.org", changed_at=timezone.now())
    token = EmailReversal.objects.get().token
    assert GraphQLClient()(UNDO, token=token).problems == []
    mails = {(mail := worker.next())["To"]: mail for _each in range(2)}
    body = mails["alice@example.org"].get_body(("plain",))
    assert body is not None
    assert f"/cancel-deletion#token={deletion.token}" in body.get_content()


@pytest.mark.parametrize(
    ("locale", "subject"),
    [("en", "Your account will be deleted"), ("de", "Ihr Konto wird gelöscht")],
)
def test_mailed_link_cancels_the_deletion_once(worker: Sink, locale: str, subject: str) -> None:
    alice = make_user("alice", locale=locale)
    deletion = schedule(alice)

    mail = worker.next()

    assert (mail["To"], mail["Subject"]) == ("alice@example.org", subject)
    body = mail.get_body(("plain",))
    assert body is not None
    link = f"{settings.LINKS_URL}/cancel-deletion#token={deletion.token}"
    assert link in body.get_content()
    # The page has no password field: it says how to change it.
    assert "open the link and choose" not in body.get_content()
    answer = GraphQLClient()(CANCEL, token=deletion.token)
    assert answer.data["cancelDeletion"] == {"username": "alice", "errors": []}
    assert tags()[-1] == Tag.DELETION_CANCELED
    assert not AccountDeletion.objects.exists()
    assert log_in()["errors"] == []
    again = GraphQLClient()(CANCEL, token=deletion.token)
    assert again.problems == [("TOKEN_INVALID", "token")]


def test_the_page_asks_for_a_click(alice: User) -> None:
    deletion = schedule(alice)
    browser = GraphQLClient().http
    assert "Keep your account" in browser.get("/cancel-deletion").content.decode()
    assert AccountDeletion.objects.exists()

    page = browser.post("/cancel-deletion", {"token": deletion.token})

    assert page.status_code == 200
    html = page.content.decode()
    assert "Your account alice will not be deleted" in html
    assert '<a href="/forgot-password">Choose a new password</a>' in html
    assert User.objects.get(pk=alice.pk).is_active


def test_a_link_is_not_for_another_kind_or_too_late(alice: User) -> None:
    deletion = schedule(alice)
    reset = PasswordReset(user=alice, nonce=deletion.nonce)
    for token in ("x", reset.token, f"{deletion.token}x"):
        assert GraphQLClient()(CANCEL, token=token).problems == [("TOKEN_INVALID", "token")]
    make_due(alice)
    answer = GraphQLClient()(CANCEL, token=deletion.token)
    assert answer.problems == [("TOKEN_EXPIRED", "token")]
    assert not User.objects.get(pk=alice.pk).is_active


def test_pending_log_in_ends_with_the_deletion(alice: User) -> None:
    deletion = schedule(alice)
    token = make_token(alice)
    assert GraphQLClient()(CANCEL, token=deletion.token).problems == []
    assert GraphQLClient(token)(ME).codes == ["UNAUTHENTICATED"]


# Administrators --------------------------------------------------------------------------


def test_administrators_delete_and_undo(client_of: ClientOf, alice: User, root: User) -> None:
    client = client_of(root)

    answer = client(DELETE_USER, id=node_id(alice))

    assert answer.problems == []
    user = answer.data["deleteUser"]["user"]
    assert (user["username"], user["isActive"]) == ("alice", False)
    event = Event.objects.get(tag=Tag.DELETION_SCHEDULED)
    assert (event.actor_id, event.subject_id) == (root.pk, alice.pk)
    again = client(DELETE_USER, id=node_id(alice))
    assert again.data["deleteUser"]["user"] == user
    assert tags() == [Tag.DELETION_SCHEDULED]

    answer = client(CANCEL_USER, id=node_id(alice))
    assert answer.data["cancelUserDeletion"]["user"] == {"isActive": True, "deletion": None}
    assert tags() == [Tag.DELETION_SCHEDULED, Tag.DELETION_CANCELED]
    assert client(CANCEL_USER, id=node_id(alice)).problems == [("NOT_FOUND", "userId")]


def test_due_deletion_cannot_be_canceled(client_of: ClientOf, alice: User, root: User) -> None:
    schedule(alice)
    make_due(alice)
    assert client_of(root)(CANCEL_USER, id=node_id(alice)).problems == [("NOT_FOUND", "userId")]
    assert AccountDeletion.objects.exists()


def test_deletion_requires_recent_authentication(client_of: ClientOf, root: User) -> None:
    make_user("other", is_staff=True, is_superuser=True)
    answer = client_of(root)(DELETE_USER, id=node_id(root))
    assert answer.problems == [("VALUE_INVALID", "userId")]
    assert User.objects.get(pk=root.pk).is_active


def test_administrators_cannot_delete_last_owners(
    client_of: ClientOf, alice: User, root: User
) -> None:
    make_organization("Archers", alice, role=Role.OWNER)
    answer = client_of(root)(DELETE_USER, id=node_id(alice))
    assert answer.problems == [("LAST_OWNER", "userId")]
    assert (User.objects.get(pk=alice.pk).is_active, Organization.objects.count()) == (True, 1)


def test_staff_cannot_delete_users(client_of: ClientOf, alice: User, sam: User) -> None:
    client = client_of(sam)
    for document in (DELETE_USER, CANCEL_USER):
        assert client(document, id=node_id(alice)).codes == ["FORBIDDEN"]
    assert User.objects.get(pk=alice.pk).is_active


# Suspensions -----------------------------------------------------------------------------


def test_reactivation_keeps_a_scheduled_deletion(
    client_of: ClientOf, alice: User, root: User
) -> None:
    schedule(alice)
    answer = client_of(root)(REACTIVATE, id=node_id(alice))
    assert answer.problems == [("DELETION_PENDING", "userId")]
    assert not User.objects.get(pk=alice.pk).is_active


def test_canceling_keeps_a_suspension(client_of: ClientOf, alice: User, root: User) -> None:
    client = client_of(root)
    assert client(SUSPEND, id=node_id(alice)).problems == []
    assert client(DELETE_USER, id=node_id(alice)).problems == []
    answer = client(CANCEL_USER, id=node_id(alice))
    assert answer.data["cancelUserDeletion"]["user"]["isActive"] is False
    assert client(REACTIVATE, id=node_id(alice)).problems == []
    assert User.objects.get(pk=alice.pk).is_active


def test_ended_suspension_does_not_undo_a_deletion(
    client_of: ClientOf, alice: User, root: User
) -> None:
    client = client_of(root)
    client(SUSPEND, id=node_id(alice))
    client(DELETE_USER, id=node_id(alice))
    Suspension.objects.update(until=timezone.now())

    lift_suspension(alice.pk, actor=SYSTEM)

    assert not Suspension.objects.exists()
    assert not User.objects.get(pk=alice.pk).is_active
    client(CANCEL_USER, id=node_id(alice))
    assert User.objects.get(pk=alice.pk).is_active


# Deactivated accounts --------------------------------------------------------------------


def test_canceling_keeps_a_deactivation(client_of: ClientOf, alice: User, root: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client = client_of(root)
    ways: list[Callable[[], Answer]] = [
        lambda: client(CANCEL_USER, id=node_id(alice)),
        lambda: GraphQLClient()(CANCEL, token=AccountDeletion.objects.get().token),
    ]
    for undo in ways:
        assert client(DELETE_USER, id=node_id(alice)).problems == []
        assert undo().problems == []
        assert not AccountDeletion.objects.exists()
        assert not User.objects.get(pk=alice.pk).is_active
    # Only a reactivation restores access.
    assert client(REACTIVATE, id=node_id(alice)).problems == []
    assert User.objects.get(pk=alice.pk).is_active


def test_canceling_keeps_a_deactivated_service_account(client_of: ClientOf, root: User) -> None:
    robot, client = make_service("robot"), client_of(root)
    assert client(DELETE_USER, id=node_id(robot)).problems == []
    assert client(CANCEL_USER, id=node_id(robot)).problems == []
    assert User.objects.get(pk=robot.pk).is_active
    assert client(DEACTIVATE, id=node_id(robot)).problems == []
    assert client(DELETE_USER, id=node_id(robot)).problems == []
    assert client(CANCEL_USER, id=node_id(robot)).problems == []
    assert not User.objects.get(pk=robot.pk).is_active


def test_deactivation_during_a_deletion_is_kept(client_of: ClientOf, root: User) -> None:
    robot, client = make_service("robot"), client_of(root)
    assert client(DELETE_USER, id=node_id(robot)).problems == []
    for _again in range(2):
        assert client(DEACTIVATE, id=node_id(robot)).problems == []
        assert Event.objects.filter(tag=Tag.SERVICE_ACCOUNT_DEACTIVATED).count() == 1
    assert client(CANCEL_USER, id=node_id(robot)).problems == []
    assert not User.objects.get(pk=robot.pk).is_active
    assert client(REACTIVATE, id=node_id(robot)).problems == []
    assert User.objects.get(pk=robot.pk).is_active
