"""The German translation is complete and used."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation

from core.email.words import UNVERIFIED_READER, Reader
from tests.support.client import GraphQLClient
from users.accounts import mails

CATALOGUE = Path(settings.LOCALE_PATHS[0]) / "de" / "LC_MESSAGES" / "django.po"
# Texts that German has one for.
SYNONYMS = [
    *({"state", "status"}, {"no", "false"}, {"yes", "true"}, {"by", "from"}, {"to", "until"}),
    *({"back", "go back", "previous"}, {"continue", "next"}, {"log in", "sign in"}),
    *({"select action", "select action to run"}, {"end all sessions", "sign out everywhere"}),
    *({"method", "methods"}, {"asked for", "requested"}),
    {"your account is scheduled for deletion", "your account will be deleted"},
]


def test_every_text_is_translated() -> None:
    with CATALOGUE.open("rb") as file:
        messages = [message for message in read_po(file, locale="de") if message.id]

    assert len(messages) > 50
    assert [message.id for message in messages if not message.string or message.fuzzy] == []


def test_different_texts_differ_in_german() -> None:
    texts: defaultdict[str, set[str]] = defaultdict(set)
    with CATALOGUE.open("rb") as file:
        for message in read_po(file, locale="de"):
            pairs = zip(_forms(message.id), _forms(message.string), strict=True)
            for text, german in pairs:
                texts[german.lower()].add(text.lower())

    shared = [found for found in texts.values() if len(found) > 1]
    assert [found for found in shared if found not in SYNONYMS] == []
    # No longer synonyms.
    assert [each for each in SYNONYMS if each not in shared] == []


def _forms(text: Any) -> Sequence[str]:
    return [text] if isinstance(text, str) else text


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_mails_use_one_language(language: str) -> None:
    with translation.override(language):
        verify = mails.verify_email(UNVERIFIED_READER, url="https://x.example/#token=t")
        known = mails.sign_up_with_known_email(Reader("Dora", is_verified=True))
        greetings = [verify.greeting, known.greeting]

    german = language == "de"
    assert greetings == (["Guten Tag,", "Guten Tag Dora,"] if german else ["Hello,", "Hello Dora,"])
    assert (known.subject == "Sie haben bereits ein Konto") == german


@pytest.mark.django_db
def test_errors_use_the_language_of_the_client() -> None:
    body = '{"query": "{ users(first: 1) { edges { node { id } } } }"}'

    answer = GraphQLClient().post(body, **{"Accept-Language": "de"})

    assert answer.codes == ["UNAUTHENTICATED"]
    assert answer.body["errors"][0]["message"] == "Melden Sie sich dafür an."
