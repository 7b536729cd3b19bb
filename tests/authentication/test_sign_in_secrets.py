"""Password fields, password comparison and the randomness of secrets."""

import base64
import datetime as dt
import re
from functools import reduce
from html.parser import HTMLParser
from operator import and_, or_
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from core.security.crypto import new_secret
from tests.authentication.test_passwords import ClientOf, change
from tests.support.factories import PASSWORD, make_user
from tests.support.signing_in import ALICE, ME, REFUSED, attempt, log_in, log_in_by_cookie, refresh
from users.accounts.models import User

ROOT = Path(__file__).resolve().parents[2]
ALL_ONES = (1 << 256) - 1


class Inputs(HTMLParser):
    """The inputs of a page, by name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            attributes = dict(attrs)
            self.found[attributes.get("name") or ""] = attributes


def password_fields(html: str) -> dict[str, str | None]:
    """Return the password fields by name, with their `autocomplete` values.

    None of them may show the input or block pasting.
    """
    fields = {name: field for name, field in Inputs(html).found.items() if "password" in name}
    for field in fields.values():
        assert field["type"] == "password"
        assert field.keys().isdisjoint({"readonly", "maxlength", "onpaste", "onkeydown"})
    return {name: field.get("autocomplete") for name, field in fields.items()}


# Fields ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/reset-password", {"new_password": "new-password"}),
        ("/accept-invitation", {"password": "new-password"}),
        ("/join-organization", {"password": "new-password"}),
        ("/admin/login/", {"password": "current-password"}),
    ],
)
def test_passwords_are_hidden_and_may_be_filled_in(
    db: None, path: str, fields: dict[str, str]
) -> None:
    response = Client().get(path)
    assert response.status_code == 200
    assert password_fields(response.content.decode()) == fields


def test_new_users_password_is_hidden_in_the_admin(root: User) -> None:
    page = log_in_by_cookie("root").http.get("/admin/accounts/user/add/")
    assert page.status_code == 200
    assert password_fields(page.content.decode()) == {"password": "new-password"}


def test_passwords_are_hidden_in_the_console_and_may_be_filled_in() -> None:
    console = [path.read_text(encoding="utf-8") for path in (ROOT / "console/src").glob("*.ts*")]
    fields = re.findall(r"<input [^>]*password[^>]*>", "".join(console))
    assert fields == [
        '<input name="password" type="password" autoComplete="current-password" required />'
    ]


def test_scripts_do_not_block_pasting() -> None:
    folders = [ROOT / "console/src", ROOT / "core", ROOT / "users"]
    sources = [
        path
        for folder in folders
        for path in folder.rglob("*.*")
        if path.suffix in {".html", ".js", ".ts", ".tsx"}
    ]
    assert {path.suffix for path in sources} == {".html", ".js", ".ts", ".tsx"}
    assert [path for path in sources if "paste" in path.read_text("utf-8").lower()] == []


# The password itself ---------------------------------------------------------------------


def test_password_is_compared_to_its_last_character(client_of: ClientOf, alice: User) -> None:
    password = "p" * 12 + "q" * 116
    assert change(client_of(alice), new=password) == []
    for other in (
        password[:-1] + "r",
        password[:-1],
        password[:72],
        f"{password} ",
        f"{password}q",
        f"{password[:-1]}Q",
    ):
        assert attempt(password=other).problems == REFUSED, other
    assert log_in(password=password)["errors"] == []


def test_accents_of_a_password_count_and_their_forms_do_not(
    client_of: ClientOf, alice: User
) -> None:
    """NIST 800-63B: passwords are normalised before they are hashed."""
    composed, decomposed = "caf\u00e9 at the corner", "cafe\u0301 at the corner"
    assert change(client_of(alice), new=composed) == []
    assert attempt(password="cafe at the corner").problems == REFUSED
    for same in (composed, decomposed):
        assert log_in(password=same)["errors"] == []


def test_password_reuse_is_allowed(db: None) -> None:
    long_ago = timezone.now() - dt.timedelta(days=20 * 365)
    make_user("alice", date_joined=long_ago, email_verified_at=long_ago)
    client = log_in_by_cookie()
    assert client(ME).data == ALICE
    assert log_in(password=PASSWORD)["errors"] == []


# Secrets ---------------------------------------------------------------------------------


def decoded(secret: str) -> bytes:
    return base64.b64decode(secret + "=", altchars=b"-_", validate=True)


def test_cookies_and_refresh_tokens_are_256_bits(alice: User) -> None:
    token = log_in()["refreshToken"]
    successor = refresh(token).data["refreshTokens"]["refreshToken"]
    cookies = [log_in_by_cookie().http.cookies["roster"].value for _time in range(2)]
    secrets = [decoded(secret) for secret in (token, successor, *cookies)]
    assert [len(secret) for secret in secrets] == [32] * 4
    assert len(set(secrets)) == 4


def test_secrets_differ_in_every_bit() -> None:
    secrets = [decoded(new_secret()) for _time in range(1_000)]
    assert len(set(secrets)) == 1_000
    # Each of the 256 bits takes both values.
    numbers = [int.from_bytes(secret, "big") for secret in secrets]
    assert (reduce(or_, numbers), reduce(and_, numbers)) == (ALL_ONES, 0)
