"""One account per mailbox: every entry point accepts every spelling of an address."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.configuration.env import BadSetting
from core.configuration.services import ServiceEnvironment
from core.email import message
from core.email.smtp_replies import MailRefusedError
from core.email.words import UNVERIFIED_READER
from core.security.actor import Actor
from tests.accounts.test_administration import CREATE, UPDATE
from tests.accounts.test_email_addresses import ADD, REMOVE, SET_PRIMARY, give_address
from tests.accounts.test_email_change import REQUEST
from tests.accounts.test_invitations import INVITE
from tests.accounts.test_search import SEARCH
from tests.accounts.test_sign_up import PASSWORD as NEW_PASSWORD
from tests.accounts.test_sign_up import SIGN_UP, sign_up, token_of, verify
from tests.accounts.test_sign_up_mail import deliver_mail
from tests.accounts.test_sign_up_rules import RESEND
from tests.accounts.test_user_email_addresses import remove
from tests.admin.support import change_url, errors, make_administrator, sign_in, user_form
from tests.authentication.test_password_reset_mail import REQUEST as RESET
from tests.organizations.test_organization_invitations import INVITE as INVITE_TO_ORGANIZATION
from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import (
    PASSWORD,
    make_organization,
    make_organization_invitation,
    make_user,
    node_id,
)
from tests.support.mailboxes import EVERY_REFUSAL, EVERY_SPELLING
from tests.support.signing_in import REFUSED, THROTTLED, attempt, lock_out, log_in
from tests.support.sink import Sink
from users.accounts.models import EmailAddition, EmailChange, Invitation, SignUp, User
from users.accounts.tasks import mail_email_changed
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.models import PasswordReset
from users.authentication.tasks import mail_password_reset
from users.organizations.models import OrganizationInvitation, Role

ClientOf = Callable[[User], GraphQLClient]
Capture = Callable[[], AbstractContextManager[Statements]]

STORED = "nina@xn--bcher-kva.example"
TYPED = "Nina\uff20BÜCHER.example"
INVALID = [("EMAIL_INVALID", "email")]
TAKEN = [("EMAIL_TAKEN", "email")]


# Entering an address ---------------------------------------------------------------------


def by_sign_up(email: str, *_who: Any) -> Answer:
    fields = {"email": email, "username": "nina", "password": NEW_PASSWORD}
    return GraphQLClient()(SIGN_UP, input=fields)


def by_email_change(email: str, alice: User, _root: User, client_of: ClientOf) -> Answer:
    return client_of(alice)(REQUEST, email=email, password=PASSWORD)


def by_addition(email: str, alice: User, _root: User, client_of: ClientOf) -> Answer:
    return client_of(alice)(ADD, email=email, password=PASSWORD)


def by_creation(email: str, _alice: User, root: User, client_of: ClientOf) -> Answer:
    fields = {"email": email, "username": "nina", "password": NEW_PASSWORD}
    return client_of(root)(CREATE, input=fields)


def by_update(email: str, alice: User, root: User, client_of: ClientOf) -> Answer:
    return client_of(root)(UPDATE, input={"userId": node_id(alice), "email": email})


def by_invitation(email: str, _alice: User, root: User, client_of: ClientOf) -> Answer:
    return client_of(root)(INVITE, input={"email": email})


def by_organization(email: str, alice: User, _root: User, client_of: ClientOf) -> Answer:
    archers = make_organization("Archers", alice, role=Role.OWNER)
    return client_of(alice)(INVITE_TO_ORGANIZATION, organization=node_id(archers), email=email)


EntryPoint = Callable[[str, User, User, ClientOf], Answer]
# Entry points of addresses, where each stores the address, and the answer if it is taken.
ENTRY_POINTS: list[tuple[EntryPoint, type, list[tuple[str, str]]]] = [
    (by_sign_up, SignUp, []),
    (by_email_change, EmailChange, []),
    (by_addition, EmailAddition, []),
    (by_creation, User, TAKEN),
    (by_update, User, TAKEN),
    (by_invitation, Invitation, TAKEN),
    (by_organization, OrganizationInvitation, []),
]
every_way = pytest.mark.parametrize(
    ("entry_point", "model", "taken"),
    ENTRY_POINTS,
    ids=[entry_point.__name__ for entry_point, *_ in ENTRY_POINTS],
)
one_refusal_of_each_kind = pytest.mark.parametrize(
    "text",
    {advice: text for text, advice in EVERY_REFUSAL}.values(),
    ids=lambda text: ascii(text)[:40],
)


@every_way
@pytest.mark.parametrize(
    "text", [TYPED, "nina@XN--BCHER-KVA.example", " nina@bu\u0308cher.example"]
)
def test_every_entry_point_stores_the_canonical_address(
    text: str,
    entry_point: EntryPoint,
    model: Any,
    taken: list[tuple[str, str]],
    alice: User,
    root: User,
    client_of: ClientOf,
) -> None:
    assert entry_point(text, alice, root, client_of).problems == []
    assert model.objects.filter(email=STORED).count() == 1

    User.objects.filter(email=STORED).update(email="former@example.org", username="former")
    make_user("erin", email=STORED)
    assert entry_point(text, alice, root, client_of).problems == taken


@every_way
@one_refusal_of_each_kind
def test_every_entry_point_refuses_invalid_mailboxes(
    text: str,
    entry_point: EntryPoint,
    model: Any,
    taken: list[tuple[str, str]],
    alice: User,
    root: User,
    client_of: ClientOf,
) -> None:
    before = model.objects.count(), Event.objects.count()
    assert entry_point(text, alice, root, client_of).problems == INVALID
    assert (model.objects.count(), Event.objects.count()) == before
    assert taken in ([], TAKEN)


@pytest.mark.parametrize(("text", "stored"), EVERY_SPELLING, ids=ascii)
def test_spellings_sign_up_once_and_log_in(
    anonymous: GraphQLClient, mails: Sink, text: str, stored: str
) -> None:
    assert sign_up(anonymous, email=text) == []
    assert sign_up(anonymous, email=stored) == []
    # Both are pending for one mailbox until one link is used.
    assert list(SignUp.objects.values_list("email", flat=True)) == [stored, stored]
    deliver_mail()
    assert mails.next()["To"] == stored
    assert mails.recipients == [stored]
    assert verify(anonymous, token_of(stored)) == []
    assert log_in(text, NEW_PASSWORD)["user"] == {"username": "nina", "email": stored}
    assert not SignUp.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nina@straße.example", "nina@strasse.example"),
        ("nina@οδος.example", "nina@οδο\u03c3.example"),
        ("nina@ıstanbul.example", "nina@istanbul.example"),
        ("nina@bücher.example", "nina@bucher.example"),
        ("nina@क्\u200dष.example", "nina@क्ष.example"),
        ("n.ina@example.org", "nina@example.org"),
        ("nina+a@example.org", "nina@example.org"),
    ],
    ids=ascii,
)
def test_mailboxes_that_look_alike_are_two_accounts(one: str, other: str) -> None:
    for username, email in (("one", one), ("other", other)):
        assert sign_up(GraphQLClient(), username, email=email) == []
    for pending in SignUp.objects.all():
        assert verify(GraphQLClient(), pending.token) == []
    assert log_in(one, NEW_PASSWORD)["user"]["username"] == "one"
    assert log_in(other, NEW_PASSWORD)["user"]["username"] == "other"


def test_owner_is_found_in_every_spelling(
    anonymous: GraphQLClient, client_of: ClientOf, mails: Sink, root: User
) -> None:
    nina = make_user("nina", email="nina@example.org", email_verified_at=timezone.now())
    give_address(nina, STORED)
    assert anonymous(RESET, email=TYPED).problems == []
    mail_password_reset(str(Event.objects.latest("pk").pk))
    assert mails.next()["To"] == STORED
    assert PasswordReset.objects.get().email == STORED

    archers = make_organization("Archers", root, role=Role.OWNER)
    make_organization_invitation(archers, root, email=STORED)
    client = client_of(root)
    answer = client(INVITE_TO_ORGANIZATION, organization=node_id(archers), email=TYPED)
    assert answer.problems == []
    assert OrganizationInvitation.objects.count() == 1

    assert client_of(nina)(SET_PRIMARY, email=TYPED, password=PASSWORD).problems == []
    assert client_of(nina)(REMOVE, email="NINA@example.org", password=PASSWORD).problems == []
    assert User.objects.get(pk=nina.pk).email == STORED
    assert remove(client_of(root), nina, TYPED).problems == [("EMAIL_PRIMARY", "email")]


def test_link_is_mailed_again_in_every_spelling(anonymous: GraphQLClient) -> None:
    assert sign_up(anonymous, email=TYPED) == []
    assert anonymous(RESEND, email=STORED.upper()).problems == []
    assert Event.objects.latest("pk").subject_id == SignUp.objects.get().nonce
    assert anonymous(RESEND, email='"nina"@example.org').problems == INVALID


@pytest.mark.django_db
def test_spellings_share_the_attempts_to_log_in() -> None:
    make_user("nina", email=STORED)
    lock_out(TYPED)
    for text in (STORED, "nina@bu\u0308cher.example", "NINA@XN--BCHER-KVA.EXAMPLE"):
        assert attempt(text).codes == THROTTLED
    assert attempt("nina@bucher.example").problems == REFUSED


@pytest.mark.django_db
def test_invalid_address_is_answered_like_an_unknown_one(
    statements: Capture,
) -> None:
    work: list[list[str]] = []
    answers: list[dict[str, Any]] = []
    for login in ("nina@example.org", *(text for text, _advice in EVERY_REFUSAL if "@" in text)):
        with statements() as captured:
            answers.append(attempt(login, REMOTE_ADDR=f"192.0.2.{len(work)}").body)
        work.append([sql.partition(" ")[0] for sql in captured])
    assert work == [work[0]] * len(work)
    assert answers == [answers[0]] * len(answers)


# Search ----------------------------------------------------------------------------------


def test_staff_find_a_domain_in_either_form(client_of: ClientOf, sam: User) -> None:
    make_user("nina", email=STORED)
    make_user("otto", email="otto@bucher.example")
    client = client_of(sam)

    def found(**by: Any) -> list[str]:
        edges = client(SEARCH, **by).data["users"]["edges"]
        return [edge["node"]["username"] for edge in edges]

    for text in (TYPED, STORED, "@bücher", "@BÜCHER.example", "@xn--bcher-kva"):
        assert found(text=text) == ["nina"]
        assert found(text=text, by={"field": "USERNAME", "direction": "ASC"}) == ["nina"]
    for domain in ("bücher.example", "BÜCHER\u3002example", "xn--bcher-kva.example"):
        assert found(filter={"emailDomain": domain}) == ["nina"]
    for domain in ("bücher", "bü\u00adcher.example", "x@bücher.example", "[192.0.2.1]", ""):
        assert found(filter={"emailDomain": domain}) == []


@pytest.mark.django_db
def test_admin_takes_and_shows_addresses_in_either_form(client: Client) -> None:
    sign_in(client, make_administrator())
    add = {"username": "nina", "password": NEW_PASSWORD, "email": TYPED}
    assert client.post("/admin/accounts/user/add/", add).status_code == 302
    nina = User.objects.get(username="nina")
    assert nina.email == STORED
    for text in (TYPED, STORED):
        page = client.get("/admin/accounts/user/", {"q": text}).content.decode()
        assert change_url(nina) in page
        assert "nina@bücher.example" in page
    refused = client.post(change_url(nina), user_form(nina, email="nina@[192.0.2.1]"))
    assert [*errors(refused)] == ["email"]
    assert client.post(change_url(nina), user_form(nina, email=TYPED, name="N")).status_code == 302
    archers = make_organization("Archers", nina)
    make_organization_invitation(archers, nina, email="otto@xn--bcher-kva.example")
    url = reverse("admin:organizations_organizationinvitation_changelist")
    assert "otto@bücher.example" in client.get(url, {"q": "@bücher"}).content.decode()


@pytest.mark.django_db
def test_forgotten_password_page_takes_every_spelling(client: Client) -> None:
    nina = make_user("nina", email=STORED)
    client.post(reverse("forgot-password"), {"email": TYPED})
    assert Event.objects.get().subject_id == nina.pk
    page = client.post(reverse("forgot-password"), {"email": "nina@exam\u00adple.org"})
    assert "The address has invisible characters" in page.content.decode()


# Settings --------------------------------------------------------------------------------


def test_sign_up_domains_are_canonical(anonymous: GraphQLClient, settings: Any) -> None:
    environment = ServiceEnvironment({"SIGN_UP": "Bücher.example, straße.example"})
    settings.SIGN_UP = environment.sign_up("SIGN_UP")
    assert settings.SIGN_UP == ["xn--bcher-kva.example", "xn--strae-oqa.example"]
    assert sign_up(anonymous, email=STORED) == []
    assert sign_up(anonymous, email="nina@STRASSE.example") == [
        ("EMAIL_DOMAIN_NOT_ALLOWED", "email")
    ]
    assert (
        "bücher.example"
        in anonymous(
            SIGN_UP, input={"email": "n@x.example", "username": "nnn", "password": NEW_PASSWORD}
        ).data["signUp"]["errors"][0]["message"]
    )


@pytest.mark.parametrize("value", ["opened", "open,closed", "exam_ple.org", "example.org,[::1]"])
def test_sign_up_domains_are_checked(value: str) -> None:
    with pytest.raises(BadSetting, match="SIGN_UP: must be"):
        ServiceEnvironment({"SIGN_UP": value}).sign_up("SIGN_UP")


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        ("Roster <No-Reply@example.org>", "Roster <No-Reply@example.org>"),
        ("Roster <no-reply@straße.example>", "Roster <no-reply@xn--strae-oqa.example>"),
    ],
)
def test_sender_has_a_domain_that_every_server_takes(value: str, sender: str) -> None:
    assert ServiceEnvironment({"MAIL_FROM": value}).sender("MAIL_FROM", "") == sender
    with pytest.raises(BadSetting, match="MAIL_FROM: must have"):
        ServiceEnvironment({"MAIL_FROM": "nína@example.org"}).sender("MAIL_FROM", "")


@pytest.mark.django_db
def test_create_administrator_takes_every_spelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", NEW_PASSWORD)
    call_command("create_administrator", email=TYPED, username="nina")
    assert User.objects.get().email == STORED


# Mail, passwords, storage ----------------------------------------------------------------


def test_mail_goes_to_the_domain_by_idna_2008(alice: User, mails: Sink) -> None:
    """Events of earlier releases have addresses that are not canonical."""
    record(
        Tag.EMAIL_CHANGED,
        subject_id=alice.pk,
        actor=Actor(),
        personal={"old": {"email": "alice@straße.example"}, "new": {"email": alice.email}},
    )
    mail_email_changed(str(Event.objects.get().pk))
    assert mails.next()["To"] == "alice@xn--strae-oqa.example"
    assert mails.recipients == ["alice@xn--strae-oqa.example"]
    with pytest.raises(MailRefusedError):
        message.send(
            message.Mail(reader=UNVERIFIED_READER, subject="", paragraphs=[]), to="zoë@example.org"
        )
    assert mails.is_empty()


def test_password_is_not_the_domain_in_either_form(anonymous: GraphQLClient) -> None:
    email = "n@büchertauschbörse.example"
    for password in ("büchertauschbörse", "Büchertauschbörse1", "büchertauschbörse.example"):
        problems = sign_up(anonymous, email=email, password=password)
        assert problems == [("PASSWORD_TOO_WEAK", "password")]


@pytest.mark.parametrize(
    "email",
    ["other@bücher.example", "öther@example.org", "other@exam ple.org", "other@Example.org"],
)
def test_database_stores_nothing_but_ascii(alice: User, email: str) -> None:
    with pytest.raises(IntegrityError, match=r"user_email_(ascii|canonical)"), transaction.atomic():
        User.objects.filter(pk=alice.pk).update(email=email)
    with pytest.raises(IntegrityError, match="email_address_"), transaction.atomic():
        give_address(alice, email)
