"""Addresses that an SMTP server refuses for good, and their marks."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from core.email.smtp_replies import MailDelayedError, MailRefusedError, Stage
from core.outbox.models import OutboxMessage
from core.outbox.tasks import relay
from core.security.actor import SYSTEM
from tests.admin.support import change_url, list_url, make_administrator, sign_in
from tests.authentication.test_passwords import give_reset
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_token, make_user
from tests.support.refusals import TEXT, UNKNOWN, marks, reset, shown_addresses
from tests.support.sink import Sink
from tests.support.waiting import meanwhile, wait_until
from users.accounts import mail_delivery
from users.accounts.models import EmailAddress, User
from users.accounts.services.administration import change_user
from users.accounts.services.deliverability import mark_undeliverable
from users.activity.models import Event, EventDetails, PendingCount
from users.activity.tags import Tag

# A sender of a mail; `core.email.message.Mail` is its text.
FOREIGN = r"core\.email import message|core\.email\.message import (?!Mail$)|django\.core\.mail"


def failed() -> OutboxMessage | None:
    return OutboxMessage.objects.failed().first()


def test_permanent_failure_is_visible_and_can_be_retried(worker: Sink, client: Client) -> None:
    alice = make_user("alice")
    worker.replies[Stage.RCPT, alice.email] = UNKNOWN
    reset(alice.email)
    wait_until(lambda: failed() is not None)

    message = OutboxMessage.objects.failed().get()
    assert (message.failure, message.attempts) == ("RCPT TO: 550 5.1.1", 1)
    # Neither the relay nor a repeated delivery attempts it again.
    relay()
    message.refresh_from_db()
    assert (message.dispatch_at, message.attempts) == (None, 1)
    assert shown_addresses(alice) == [(alice.email, True)]
    assert marks() == [(Tag.EMAIL_UNDELIVERABLE, alice.pk)]
    event = Event.objects.get(tag=Tag.EMAIL_UNDELIVERABLE)
    assert event.data == {"reason": "RCPT TO: 550 5.1.1"}
    assert event.details.values == {"email": alice.email}

    rosa = make_administrator()
    sign_in(client, rosa)
    page = client.get(list_url(OutboxMessage), {"state": "failed"}).content.decode()
    assert "RCPT TO: 550 5.1.1" in page
    changelist = client.get(list_url(User), {"email": "undeliverable"})
    assert [user.username for user in changelist.context["cl"].result_list] == ["alice"]

    # The mailbox exists now.
    worker.replies.clear()
    url = f"/admin/outbox/outboxmessage/{message.pk}/retry/"
    assert client.get(change_url(message)).content.decode().count("/retry/") > 0
    assert client.post(url, {"_form_submitted": "1"}).status_code == 302
    assert worker.next()["To"] == alice.email
    wait_until(lambda: not OutboxMessage.objects.filter(pk=message.pk).exists())
    assert shown_addresses(alice) == [(alice.email, False)]
    assert marks() == [(Tag.EMAIL_UNDELIVERABLE, alice.pk), (Tag.EMAIL_DELIVERABLE, alice.pk)]
    retried = Event.objects.get(tag=Tag.OUTBOX_MESSAGE_RETRIED)
    assert (retried.actor_id, retried.data) == (rosa.pk, {"message": message.pk})
    assert client.post(url, {"_form_submitted": "1"}).status_code in (403, 404)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stage", "reply", "is_marked"),
    [
        (Stage.RCPT, UNKNOWN, True),
        (Stage.RCPT, "552 5.2.2 mailbox full", True),
        (Stage.RCPT, "554 5.7.1 relay access denied", False),
        (Stage.DATA, "550 5.1.1 unknown user", True),
        (Stage.DATA, "554 5.7.1 looks like spam:", False),
        (Stage.DATA, "552 5.3.4 message too big", False),
    ],
)
def test_only_refusals_of_the_address_mark_it(
    mails: Sink, alice: User, stage: Stage, reply: str, *, is_marked: bool
) -> None:
    mails.replies[stage, alice.email] = reply
    for _attempt in range(2):
        with pytest.raises(MailRefusedError) as caught:
            mail_delivery.send_mail(TEXT, to=alice.email)
        assert "secret" not in repr(caught.value)
        assert caught.value.__suppress_context__
    assert shown_addresses(alice) == [(alice.email, is_marked)]
    assert marks() == ([(Tag.EMAIL_UNDELIVERABLE, alice.pk)] if is_marked else [])
    assert "secret" not in str(list(Event.objects.values_list("data", flat=True)))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        f"a@{'x' * 64}.example",
        "a<b@example.org",
        "a b@example.org",
        "a\nb@example.org",
    ],
)
def test_an_address_that_cannot_be_encoded_is_final(mails: Sink, alice: User, address: str) -> None:
    User.objects.filter(pk=alice.pk).update(email=address)
    with pytest.raises(MailRefusedError, match="the address cannot be encoded"):
        mail_delivery.send_mail(TEXT, to=address)
    assert shown_addresses(alice) == [(address, True)]
    assert mails.attempts == {}


@pytest.mark.django_db
def test_sent_and_refused_mails_are_counted(mails: Sink, alice: User) -> None:
    mails.replies[Stage.RCPT, alice.email] = UNKNOWN
    with pytest.raises(MailRefusedError):
        mail_delivery.send_mail(TEXT, to=alice.email)
    mails.replies[Stage.RCPT, alice.email] = "451 4.3.0 later"
    with pytest.raises(MailDelayedError):
        mail_delivery.send_mail(TEXT, to=alice.email)
    mail_delivery.send_mail(TEXT, to="bob@example.org")

    counted = PendingCount.objects.order_by("pk").values_list("name", flat=True)
    assert list(counted) == ["mails_failed", "mails_sent"]


@pytest.mark.django_db
def test_a_secondary_address_is_marked_by_itself(mails: Sink, alice: User) -> None:
    other = EmailAddress.objects.create(
        user=alice, email="alice@example.net", verified_at=timezone.now()
    )
    mails.replies[Stage.RCPT, other.email] = UNKNOWN
    with pytest.raises(MailRefusedError):
        mail_delivery.send_mail(TEXT, to=other.email)
    mail_delivery.send_mail(TEXT, to=alice.email)
    assert shown_addresses(alice) == [(alice.email, False), (other.email, True)]
    mails.replies.clear()
    mail_delivery.send_mail(TEXT, to=other.email)
    assert shown_addresses(alice) == [(alice.email, False), (other.email, False)]
    assert marks() == [(Tag.EMAIL_UNDELIVERABLE, alice.pk), (Tag.EMAIL_DELIVERABLE, alice.pk)]


@pytest.mark.django_db
def test_the_mark_goes_with_the_address(alice: User) -> None:
    other = EmailAddress.objects.create(
        user=alice, email="alice@example.net", verified_at=timezone.now()
    )
    User.objects.update(email_verified_at=timezone.now(), email_undeliverable_at=timezone.now())
    former = User.objects.get().email
    client = GraphQLClient(make_token(alice))
    primary = """
        mutation ($input: SetPrimaryEmailAddressInput!) {
          setPrimaryEmailAddress(input: $input) { errors { code field } }
        }
    """
    for email, other_email, is_marked in (
        (other.email, former, False),
        (former, other.email, True),
    ):
        assert client(primary, input={"email": email, "password": PASSWORD}).problems == []
        assert shown_addresses(alice) == [(email, is_marked), (other_email, not is_marked)]
    change_user(alice.pk, actor=SYSTEM, identifiers={"email": "new@example.org"})
    assert ("new@example.org", False) in shown_addresses(alice)


@pytest.mark.django_db
def test_an_address_without_an_account_leaves_an_event_only(mails: Sink, alice: User) -> None:
    mails.replies[Stage.RCPT, "new@example.org"] = UNKNOWN
    with pytest.raises(MailRefusedError):
        mail_delivery.send_mail(TEXT, to="new@example.org")
    assert marks() == [(Tag.EMAIL_UNDELIVERABLE, None)]
    assert EventDetails.objects.get().values == {"email": "new@example.org"}
    assert shown_addresses(alice) == [(alice.email, False)]


@pytest.mark.django_db
def test_verification_clears_the_undeliverable_mark(alice: User) -> None:
    User.objects.update(email_undeliverable_at=timezone.now())
    document = """
        mutation ($token: String!) {
          resetPassword(input: {token: $token, newPassword: "a phrase to remember"}) {
            errors { code }
          }
        }
    """
    assert GraphQLClient()(document, token=give_reset(alice).token).problems == []
    assert shown_addresses(alice) == [(alice.email, False)]


@pytest.mark.django_db(transaction=True)
def test_marking_waits_for_the_user_before_the_address() -> None:
    alice = make_user("alice")
    EmailAddress.objects.create(user=alice, email="old@example.org", verified_at=timezone.now())

    meanwhile(
        alice,
        lambda: mark_undeliverable("old@example.org", reason=UNKNOWN),
        lambda: EmailAddress.objects.all().delete(),
    )

    assert not EmailAddress.objects.exists()


def test_every_mail_records_refusals() -> None:
    root = Path(__file__).resolve().parents[2]
    senders = {
        str(path.relative_to(root))
        for path in (root / "users").rglob("*.py")
        if re.search(FOREIGN, path.read_text(), re.MULTILINE)
    }
    assert senders == {"users/accounts/mail_delivery.py"}
