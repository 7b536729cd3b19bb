"""Migration to canonical addresses: no account is lost or taken over."""

import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from core.database.roles.owner import as_owner
from tests.accounts.test_administration import UPDATE
from tests.accounts.test_email_addresses import REMOVE, give_address
from tests.authentication.test_password_reset_mail import REQUEST as RESET
from tests.core.test_touch_triggers import migrate
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_user, node_id
from tests.support.signing_in import log_in
from users.accounts.models import EmailAddress, EmailChange, Invitation, SignUp, User
from users.activity.models import Event
from users.authentication.models import PasswordReset

ClientOf = Callable[[User], GraphQLClient]
STORED = "nina@xn--bcher-kva.example"

# The tests use today's models, so the columns must exist, and others need a default.
BEFORE = [
    ("accounts", "0014_user_undeliverable"),
    ("authentication", "0007_labels"),
    ("organizations", "0002_labels"),
]
SIGN_UP = """
    INSERT INTO accounts_signup (nonce, expires_at, email, username, password, locale)
    VALUES (%s, %s, %s, %s, '!', 'en')
"""
DEFAULT = "ALTER TABLE accounts_user ALTER authorization_version SET DEFAULT 0"


@pytest.fixture
def earlier_release(transactional_db: None) -> Iterator[None]:
    """Migrate to the state before, and back afterwards."""
    migrate(*BEFORE)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(DEFAULT)
    yield
    # Rows of the test could violate the constraints of later migrations.
    User.objects.all().delete()
    migrate()


def add(username: str, email: str, *, is_verified: bool = True) -> User:
    verified_at = timezone.now() if is_verified else None
    return make_user(username, email=email, email_verified_at=verified_at)


def add_secondary(user: User, email: str) -> EmailAddress:
    return EmailAddress.objects.create(user=user, email=email, verified_at=timezone.now())


def emails() -> dict[str, str]:
    return dict(User.objects.values_list("username", "email"))


def problems() -> list[str]:
    out = io.StringIO()
    call_command("check_email_addresses", stdout=out)
    return out.getvalue().splitlines()


@pytest.mark.usefixtures("earlier_release")
def test_addresses_become_canonical_and_keep_their_mailbox(capsys: Any) -> None:
    add("ada", "ada@example.org")
    add("bea", "bea@bücher.example")
    # The link was mailed to `strasse.example`, which was verified.
    add("cleo", "cleo@straße.example")
    add("dora", "dora@straße.example", is_verified=False)
    add("emma", '"emma"@example.org')
    add("fay", '"fa,y"@example.org')
    add("gina", "gina@i\N{HEAVY BLACK HEART}.ws")
    add("hedy", "hedy@so\u00adft.example")
    add_secondary(User.objects.get(username="ada"), "ada@bücher.example")
    migrate()
    assert emails() == {
        "ada": "ada@example.org",
        "bea": "bea@xn--bcher-kva.example",
        "cleo": "cleo@strasse.example",
        "dora": "dora@xn--strae-oqa.example",
        "emma": "emma@example.org",
        "fay": '"fa,y"@example.org',
        "gina": "gina@xn--i-7iq.ws",
        "hedy": "hedy@soft.example",
    }
    assert EmailAddress.objects.get().email == "ada@xn--bcher-kva.example"
    assert log_in("bea@BÜCHER.example")["user"]["username"] == "bea"
    assert {line.partition("\t")[0] for line in problems()} == {
        "fay",
        "gina",
        "2 addresses to check.",
    }
    assert "set aside" not in capsys.readouterr().out


@pytest.mark.usefixtures("earlier_release")
def test_accounts_sharing_a_mailbox_are_kept(capsys: Any) -> None:
    add("unproven", "a@xn--bcher-kva.example", is_verified=False)
    add("first", "a@bücher.example")
    add("second", "a@bü\u00adcher.example")
    third = add("third", "third@example.org")
    add_secondary(third, "a@bücher\N{IDEOGRAPHIC FULL STOP}example")
    # Both belong to the same user.
    own = add("own", "own@bücher.example", is_verified=False)
    add_secondary(own, "own@xn--bcher-kva.example")
    add("unsendable", f"u@{'ü' * 63}.example")
    add("dotless", "nına@example.org")
    migrate()
    assert emails() == {
        "first": "a@xn--bcher-kva.example",
        "unproven": "a@xn--bcher-kva.example.3.set-aside.invalid",
        "second": "a@xn--bcher-kva.example.1.set-aside.invalid",
        "third": "third@example.org",
        "own": "own@xn--bcher-kva.example",
        "unsendable": emails()["unsendable"],
        "dotless": emails()["dotless"],
    }
    assert EmailAddress.objects.get().email == "a@xn--bcher-kva.example.2.set-aside.invalid"
    assert User.objects.get(pk=own.pk).email_verified_at is not None
    assert User.objects.get(username="second").email_verified_at is None
    assert log_in("second")["user"]["username"] == "second"
    assert log_in("a@bücher.example")["user"]["username"] == "first"
    assert "E-mail addresses set aside: 5" in capsys.readouterr().out
    reported = dict(sorted((line.split("\t")[0], line.split("\t")[-1]) for line in problems()))
    assert reported.pop("5 addresses to check.")
    assert reported == {
        "unproven": "the address belongs to first",
        "second": "the address belongs to first",
        "third": "the address belongs to first",
        "unsendable": "cannot receive mail",
        "dotless": "cannot receive mail",
    }


@pytest.mark.usefixtures("earlier_release")
def test_pending_links_keep_their_mailbox() -> None:
    bea = add("bea", "bea@bücher.example")
    soon, late = (timezone.now() + dt.timedelta(hours=hours) for hours in (1, 2))
    for email, expires_at in (
        ("new@bücher.example", late),
        ("new@xn--bcher-kva.example", soon),
        (f"new@{'ü' * 63}.example", late),
    ):
        Invitation.objects.create(email=email, locale="en", expires_at=expires_at)
        # Without the columns of later releases.
        with connection.cursor() as cursor:
            cursor.execute(SIGN_UP, [uuid4(), expires_at, email, uuid4().hex[:20]])
    EmailChange.objects.create(user=bea, email="b@straße.example", expires_at=late)
    PasswordReset.objects.create(user=bea, email=bea.email, expires_at=late)
    migrate()
    for model in (Invitation, SignUp):
        kept = model.objects.get()
        assert (kept.email, kept.expires_at) == ("new@xn--bcher-kva.example", late)
    assert EmailChange.objects.get().email == "b@strasse.example"
    assert PasswordReset.objects.get().email == User.objects.get().email


# Addresses of earlier rules --------------------------------------------------------------


@pytest.mark.parametrize(
    "former", ['"ni,na"@example.org', "nina@[192.0.2.1]", "nina@xn--i-7iq.ws", "nina@localhost"]
)
def test_address_of_earlier_rules_signs_in_and_can_be_left(
    client_of: ClientOf, client: Client, root: User, former: str
) -> None:
    nina = make_user("nina", email=former)
    assert log_in(former.upper())["user"]["username"] == "nina"
    assert GraphQLClient()(RESET, email=former).problems == []
    assert Event.objects.latest("pk").subject_id == nina.pk
    administrator = client_of(root)
    for changes in ({"name": "Nina"}, {"email": former, "name": "N"}):
        answer = administrator(UPDATE, input={"userId": node_id(nina)} | changes)
        assert answer.problems == []
    out = io.StringIO()
    call_command("check_email_addresses", stdout=out)
    assert out.getvalue().startswith(f"nina\t{former}\t")
    answer = administrator(UPDATE, input={"userId": node_id(nina), "email": STORED})
    assert answer.problems == []
    give_address(nina, former)
    assert client_of(nina)(REMOVE, email=former, password=PASSWORD).problems == []
    assert not EmailAddress.objects.exists()
