"""Canonical addresses: any text has a canonical form or is rejected with advice."""

import re
import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from core.email.addresses import canonical_domain, canonical_email, unicode_email
from tests.support.mailboxes import EVERY_REFUSAL, EVERY_SPELLING, SPELLINGS
from users.accounts.identifiers import (
    canonical_domain_or_folded,
    canonical_login,
    canonical_part,
    readable_email,
)
from users.accounts.models import ASCII_EMAIL

# Several scripts, and characters that case folding, normalisation and IDNA 2003 map to others.
LETTERS = "abiksz09àéüßς\u03c3ıøłжйҷאبन中あア한"
WIDE = {ord(letter): ord(letter) + 0xFEE0 for letter in "abcxyzABCXYZ0189"}


@pytest.mark.parametrize(("text", "stored"), EVERY_SPELLING, ids=ascii)
def test_spellings_of_one_mailbox_are_one(text: str, stored: str) -> None:
    assert canonical_email(text) == stored
    assert canonical_email(stored) == stored
    assert canonical_email(unicode_email(stored)) == stored
    assert canonical_login(text) == stored
    domain = stored.partition("@")[2]
    if text.count("@") == 1:
        assert canonical_domain(text.strip().partition("@")[2]) == domain
        assert canonical_domain_or_folded(text.partition("@")[2]) == domain


@pytest.mark.parametrize(("text", "advice"), EVERY_REFUSAL, ids=lambda text: ascii(text)[:40])
def test_invalid_mailboxes_are_refused_with_advice(text: str, advice: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        canonical_email(text)
    assert "".join(refusal.value.messages).startswith(advice)
    assert canonical_login(text) not in SPELLINGS


# Short texts of characters that the rules treat specially, and arbitrary texts.
texts = st.text(
    st.sampled_from('aB.@ß-xn\uff20\u3002\u00ad\u200d\u0301"[]( \0é中א'), max_size=20
) | st.text(st.characters(exclude_categories=[]), max_size=300)


@given(texts | st.builds("{}@{}.{}".format, texts, texts, texts))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = canonical_email(text)
    except ValidationError:
        address = None
    if address is not None:
        assert canonical_email(address) == address == address.lower()
        assert canonical_email(unicode_email(address)) == address
        assert canonical_email(readable_email(address)) == address
        assert re.fullmatch(ASCII_EMAIL, address)
        assert canonical_login(text) == address
    canonical_login(text)
    canonical_domain_or_folded(text)
    canonical_part(text)


@st.composite
def mailboxes(draw: st.DrawFn) -> str:
    """Draw the canonical address of a mailbox."""
    local = draw(st.from_regex(r"[a-z0-9+]{1,8}(\.[a-z0-9_-]{1,8})?", fullmatch=True))
    label = st.text(st.sampled_from(LETTERS), min_size=1, max_size=5)
    domain = ".".join(draw(st.lists(label, min_size=1, max_size=3)))
    try:
        return canonical_email(f"{local}@{domain}.example")
    except ValidationError:
        # For example letters of two writing directions.
        return f"{local}@example.org"


@st.composite
def spellings(draw: st.DrawFn, mailbox: str) -> str:
    """Draw another spelling of an address."""
    text = draw(st.sampled_from((mailbox, unicode_email(mailbox))))
    if draw(st.booleans()):
        # Some letters share capitals with others: ß, ς and ı.
        text = "".join(
            upper if (upper := letter.upper()).lower() == letter and letter != "\u03c3" else letter
            for letter in text
        )
    if draw(st.booleans()):
        local, _at, domain = text.rpartition("@")
        text = f"{local}@{unicodedata.normalize('NFD', domain)}"
    if draw(st.booleans()):
        text = text.translate(WIDE)
    local, _at, domain = text.rpartition("@")
    domain = domain.replace(".", draw(st.sampled_from(".\u3002\uff0e\uff61")))
    return local + draw(st.sampled_from("@\uff20\ufe6b")) + domain


@given(mailboxes(), mailboxes(), st.data())
def test_canonical_addresses_are_equal_iff_the_mailbox_is(
    one: str, other: str, data: st.DataObject
) -> None:
    first, second = data.draw(spellings(one)), data.draw(spellings(one))
    assert canonical_email(first) == canonical_email(second) == one
    assert (canonical_email(data.draw(spellings(other))) == canonical_email(first)) == (
        one == other
    )


# Display form ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("nina@example.org", "nina@example.org"),
        ("nina@xn--bcher-kva.example", "nina@bücher.example"),
        ("nina@xn--strae-oqa.example", "nina@straße.example"),
        ("nina@xn--fiq228c.xn--fiqs8s", "nina@中文.中国"),
        ("xn--bcher-kva.example", "bücher.example"),
        # Cyrillic letters that read as `apple`, and a Cyrillic letter in a Latin word.
        ("nina@xn--80ak6aa92e.example", "nina@xn--80ak6aa92e.example"),
        ("nina@xn--pple-43d.example", "nina@xn--pple-43d.example"),
        # Not in IDNA 2008; earlier rules accepted it.
        ("nina@xn--i-7iq.ws", "nina@xn--i-7iq.ws"),
        ("nina@[192.0.2.1]", "nina@[192.0.2.1]"),
    ],
)
def test_confusable_domains_are_shown_as_a_labels(stored: str, shown: str) -> None:
    assert readable_email(stored) == shown


@pytest.mark.parametrize(
    ("word", "stored"),
    [
        ("nina@bücher.example", "nina@xn--bcher-kva.example"),
        ("@bücher", "@xn--bcher-kva"),
        ("\uff20BÜCHER", "@xn--bcher-kva"),
        ("@example", "@example"),
        ("bücher", "bücher"),
        ("@i\N{HEAVY BLACK HEART}", "@i\N{HEAVY BLACK HEART}"),
    ],
)
def test_parts_are_searched_for_as_they_are_stored(word: str, stored: str) -> None:
    assert canonical_part(word) == stored
