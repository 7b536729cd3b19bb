"""Mails contain text from users only to verified addresses, and never links or headers.

Every function in `users/*/mails.py` is called with hostile text, and the mail is sent by SMTP.
"""

import datetime as dt
import html
import inspect
import re
import unicodedata
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.utils import timezone, translation

from core.email import message as mail
from core.email.message import Mail
from core.email.words import MAX_LENGTH, UNVERIFIED_READER, Reader, clean_words
from tests.accounts.test_email_addresses import ADD, give_address
from tests.accounts.test_email_change import REQUEST as REQUEST_CHANGE
from tests.accounts.test_invitations import INVITE
from tests.accounts.test_sign_up import sign_up
from tests.accounts.test_sign_up_mail import text_of
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_organization, make_token, make_user, node_id
from tests.support.sink import Sink
from users.accounts.mail_recipients import reader_at
from users.organizations.models import Role
from users.webhooks.states import WebhookDisabledReason

HOSTILE: Final = {
    "URL": "https://evil.example/x?y=z#t",
    "other schemes": "javascript:evil(1) mailto:evil@evil.example tel:+49301234567",
    "www": "www.evil.example",
    "bare domains": "evil.com evil.co.uk evil.app evil.zip evil.museum evil.xn--p1ai evil.онлайн",
    "address": "evil@evil.example",
    "telephone number": "evil 0800 123 4567 or ٠٨٠٠١٢٣٤٥٦",
    "IP address": "evil 192.0.2.1 [2001:db8::1]",
    "line breaks": "evil\r\nBcc: evil@evil.example\r\n\r\nevil\u2028evil\u2029evil\x0bevil\x85evil",
    "header": "=?utf-8?q?evil=0D=0ABcc:_evil@evil.example?=",
    "HTML": '<a href="https://evil.example">evil</a><img src=x onerror=evil>&lt;evil&gt;',
    "bidirectional controls": "evil\u202eelpmaxe.live\u202c\u2066evil\u2069\u200f",
    "invisible": "evil\u200b.\u200dexample\u2060.\ufeffcom\u00ad",
    "controls": "evil\x00\x07\x1b[31mevil\x7f",
    "template": "{{ evil }} {% evil %} %(evil)s %s {evil}",
    "look-alike dots": "evil".join("\u3002\uff0e\uff61\u2024\u00b7\ufe52\u0589\u06d4\u0701"),
    "look-alike slashes": "https:\u2215\u2215evil\u2044x https\uff1a\uff0f\uff0fevil",
    "1,000 characters": "evil " * 200,
    "combining marks": "e\u0301" * 1_000,
    "Markdown": "[evil](https://evil.example) `evil`",
}
URL: Final = "https://roster.example/page#token=secret"
# Parameters with the service's own text; all other texts come from users.
OURS: Final = {
    "url": URL,
    "day": "1 May 2031",
    "scopes": "PROFILE_READ",
    "method": "totp",
    "remaining": ["API tokens: 2"],
    "left": 3,
    "until": dt.datetime(2031, 5, 1, tzinfo=dt.UTC),
    "reason": WebhookDisabledReason.FAILING,
}


def writers() -> Iterator[Callable[..., Mail]]:
    """Yield each function that builds a mail."""
    for path in sorted(Path("users").glob("*/mails.py")):
        module = import_module(".".join(path.with_suffix("").parts))
        for _name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not function.__name__.startswith("_"):
                yield function


WRITERS: Final = list(writers())


def only_words(text: str) -> bool:
    """Return whether a text has only letters, marks, digits and name punctuation."""
    return all(unicodedata.category(each)[0] in "LMN" or each in " &'\u2019-" for each in text)


def write(writer: Callable[..., Mail], reader: Reader, text: str) -> Mail:
    names = [name for name in inspect.signature(writer).parameters if name != "reader"]
    return writer(reader, **{name: OURS.get(name, text) for name in names})


def sent(written: Mail, mails: Sink) -> EmailMessage:
    mail.send(written, to="nina@example.org")
    message = mails.next()
    assert mails.is_empty()
    return message


def parts_of(message: EmailMessage) -> dict[str, str]:
    """Return headers and bodies as displayed, without the service's own links."""
    headers = "\n".join(f"{name}: {value}" for name, value in message.items())
    parts = {"headers": headers, "header names": " ".join(message.keys())}
    parts["text"] = text_of(message, "plain")
    markup = text_of(message, "html")
    parts["links"] = " ".join(re.findall(r"""(?:href|src)=["']?([^"'> ]*)""", markup))
    parts["html"] = html.unescape(re.sub(r"<[^>]*>", "", markup.partition("<body")[2]))
    return {name: part.replace(URL, "") for name, part in parts.items()}


def test_every_mail_is_covered() -> None:
    assert len(WRITERS) > 20
    for writer in WRITERS:
        assert next(iter(inspect.signature(writer).parameters)) == "reader", writer


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
@pytest.mark.parametrize(
    "writer", WRITERS, ids=lambda writer: f"{writer.__module__}.{writer.__name__}"
)
def test_mails_to_strangers_contain_no_user_text(
    mails: Sink, writer: Callable[..., Mail], language: str
) -> None:
    """A mail with hostile text equals the one with harmless text, byte by byte."""
    with translation.override(language):
        harmless = parts_of(sent(write(writer, UNVERIFIED_READER, "Nina"), mails))
        for kind, text in HOSTILE.items():
            unproved = Reader(text, is_verified=False)
            parts = parts_of(sent(write(writer, unproved, text), mails))
            for name in ("text", "links", "html"):
                assert parts[name] == harmless[name], kind
            assert "evil" not in parts["headers"], kind
            assert parts["header names"] == harmless["header names"], kind
        assert "Nina" not in "".join(harmless.values())


@pytest.mark.parametrize(
    "writer", WRITERS, ids=lambda writer: f"{writer.__module__}.{writer.__name__}"
)
def test_user_text_never_becomes_a_link(mails: Sink, writer: Callable[..., Mail]) -> None:
    """A mail to a verified address contains only words and spaces from users."""
    with translation.override("en"):
        marked = write(writer, Reader("Nina", is_verified=True), "Nina")
        frame = parts_of(sent(marked, mails))
        for kind, text in HOSTILE.items():
            parts = parts_of(sent(write(writer, Reader(text, is_verified=True), text), mails))
            cleaned = clean_words(text)
            spelled = Reader(text, is_verified=True).address(text)
            for name in ("text", "html"):
                pattern = "(.*?)".join(map(re.escape, re.split("Nina", frame[name])))
                found = re.fullmatch(pattern, parts[name], re.DOTALL)
                if cleaned:
                    assert found, (kind, name)
                    for words in found.groups():
                        assert words in (cleaned, spelled), (kind, name)
            assert parts["links"] == frame["links"], kind
            assert parts["header names"] == frame["header names"], kind


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_cleaned_words_are_one_short_line(text: str) -> None:
    cleaned = clean_words(text)
    assert only_words(cleaned)
    assert len(cleaned) <= MAX_LENGTH
    assert sum(map(str.isdigit, cleaned)) <= 4
    assert not re.search(r"\w[.@:/]\w|www\.", cleaned)


def test_dots_of_all_kinds_are_removed() -> None:
    """Checks every Unicode character between two labels."""
    for code in range(0x20, 0x3100):
        character = chr(code)
        cleaned = clean_words(f"evil{character}example")
        assert only_words(cleaned), hex(code)
        assert not set(cleaned) & set(".:/@\\\u3002\uff0e\uff61"), hex(code)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Dr. Ada Lovelace", "Dr Ada Lovelace"),
        ("Renée O’Connor-Müller", "Renée O’Connor-Müller"),
        ("山田 太郎", "山田 太郎"),
        ("אדה", "אדה"),
        ("Ada 3rd", "Ada 3rd"),
        ("ada.lovelace_2", "ada lovelace 2"),
        ("", ""),
        (" . ", ""),
    ],
)
def test_names_stay_readable(name: str, kept: str) -> None:
    assert clean_words(name) == kept


@pytest.mark.usefixtures("db")
def test_only_verified_addresses_of_the_user_are_greeted_by_name() -> None:
    user = make_user("nina", name="Nina")
    give_address(user, "nina@example.net")
    names = [
        reader_at(user, email).name for email in (user.email, "nina@example.net", "x@y.example")
    ]
    assert names == ["", "Nina", ""]
    user.email_verified_at = timezone.now()
    assert reader_at(user, user.email).name == "Nina"


# Flows that mail strangers ---------------------------------------------------------------


def test_flows_send_no_user_text_to_strangers(worker: Sink) -> None:
    evil = "www.evil.example"
    now = timezone.now()
    charlie = make_user(
        evil, email="charlie@example.org", name=f"{evil}\n\nevil", email_verified_at=now
    )
    root = make_user("root", is_staff=True, is_superuser=True, name=evil)
    client, admin = GraphQLClient(make_token(charlie)), GraphQLClient(make_token(root))
    organization = make_organization(evil, charlie, role=Role.OWNER)
    invite = f"""
        mutation {{
          inviteToOrganization(input: {{
            organizationId: "{node_id(organization)}", email: "nina@example.org"
          }}) {{ errors {{ code }} }}
        }}
    """
    steps: dict[str, Callable[[], Any]] = {
        "sign-up": lambda: sign_up(GraphQLClient(), f"{evil}.x", email="nina@example.org"),
        "change": lambda: client(REQUEST_CHANGE, email="n@example.org", password=PASSWORD).problems,
        "addition": lambda: client(ADD, email="ni@example.org", password=PASSWORD).problems,
        "invitation": lambda: (
            admin(INVITE, input={"email": "a@example.org", "name": evil}).problems
        ),
        "organisation": lambda: client(invite).data["inviteToOrganization"]["errors"],
    }
    for name, step in steps.items():
        assert step() == [], name
        message = worker.next()
        assert "evil" not in "".join(parts_of(message).values()), name
        assert "Hello," in text_of(message, "plain"), name
    assert worker.is_empty()


def test_invited_users_see_the_inviter(
    worker: Sink,
) -> None:
    charlie = make_user("charlie.x", email_verified_at=timezone.now())
    make_user("nina", name="Nina", email_verified_at=timezone.now())
    organization = make_organization("evil.example Ltd.", charlie, role=Role.OWNER)
    invite = f"""
        mutation {{
          inviteToOrganization(input: {{
            organizationId: "{node_id(organization)}", email: "nina@example.org"
          }}) {{ errors {{ code }} }}
        }}
    """
    assert GraphQLClient(make_token(charlie))(invite).data["inviteToOrganization"]["errors"] == []
    message = worker.next()
    assert message["Subject"] == "You are invited to evil example Ltd"
    text = text_of(message, "plain")
    assert "charlie x invites you to join the organisation evil example Ltd." in text
    assert "Hello Nina," in text
