"""E-mail addresses in canonical form: one spelling for one mailbox.

The domain is in lower-case A-labels, by UTS 46 (non-transitional) and IDNA 2008; the local part is
ASCII in lower case. So an address is ASCII, can be handed to any SMTP server, and equals its own
canonical form.
"""

import unicodedata
from typing import Any, Final

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

EMAIL_MAX_LENGTH: Final = 254
# In octets (RFC 5321, section 4.5.3.1.1).
LOCAL_PART_MAX_LENGTH: Final = 64
# What input methods for East Asian scripts type instead of @.
AT_SIGNS: Final = str.maketrans("\N{FULLWIDTH COMMERCIAL AT}\N{SMALL COMMERCIAL AT}", "@@")
# Top-level domains that SMTP never reaches (RFC 6761, RFC 7686, RFC 9476). Those for
# documentation, tests and local networks are left to the deployment's own DNS.
UNREACHABLE: Final = frozenset(("alt", "arpa", "invalid", "localhost", "onion"))
# Django accepts `localhost` by default.
_validate_syntax: Final = EmailValidator(allowlist=[])

NO_ADDRESS: Final = _("Enter an e-mail address such as name@example.org.")
TOO_LONG: Final = _("Enter an e-mail address of at most 254 characters, at most 64 before the @.")
LOCAL_PART_INVALID: Final = _(
    "Before the @, use letters without accents, digits, dots and hyphens; no spaces, quotation "
    "marks or comments."
)
INVISIBLE: Final = _("The address has invisible characters. Type it instead of pasting it.")
ADDRESS_LITERAL: Final = _("After the @, enter a domain name such as example.org, no IP address.")
DOMAIN_INVALID: Final = _(
    "After the @, enter a domain that receives mail, such as example.org. Check its spelling."
)


def canonical_email(text: str) -> str:
    """Return the canonical form of an address. Raises `ValidationError`, and nothing else.

    White space around it is dropped, full-width forms are read as ASCII, and case is ignored.
    Dots and tags (``+``) in the local part stay: whether they matter is the provider's choice.
    """
    address = text.strip()
    # What was typed, before it is normalised: that takes quadratic time.
    if len(address) > EMAIL_MAX_LENGTH:
        raise _invalid(TOO_LONG)
    local, at, domain = address.translate(AT_SIGNS).rpartition("@")
    if not (local and at and domain):
        raise _invalid(NO_ADDRESS)
    address = f"{_canonical_local_part(local)}@{canonical_domain(domain)}"
    if len(address) > EMAIL_MAX_LENGTH:
        raise _invalid(TOO_LONG)
    return address


def canonical_domain(text: str) -> str:
    """Return the canonical form of what follows the @. Raises `ValidationError`, and nothing else.

    The name of the domain is one that mail can be sent to; no DNS is asked.
    """
    if len(text) > EMAIL_MAX_LENGTH:
        raise _invalid(TOO_LONG)
    if text.startswith("["):
        raise _invalid(ADDRESS_LITERAL)
    domain = a_labels(text)
    try:
        _validate_syntax(f"a@{domain}")
    except ValidationError:
        is_numeric = domain.replace(".", "").isdigit()
        raise _invalid(ADDRESS_LITERAL if is_numeric else DOMAIN_INVALID) from None
    if domain.endswith(".") or domain.rpartition(".")[2] in UNREACHABLE:
        raise _invalid(DOMAIN_INVALID)
    return domain


def a_labels(domain: str) -> str:
    """Return a domain, or the end of one, in A-labels.

    Raises `ValidationError`, and nothing else, if IDNA 2008 has none for it.
    """
    try:
        # UTS 46 drops invisible characters; two addresses would look alike and be one.
        if not domain.isascii() and not all(map(idna.uts46_remap, domain)):
            raise _invalid(INVISIBLE)
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError:
        is_visible = all(map(_is_visible, domain))
        raise _invalid(DOMAIN_INVALID if is_visible else INVISIBLE) from None


def in_unicode(address: str) -> str:
    """Return a canonical address with its domain in U-labels, where it has any.

    For people to read and programs to compare words with; it may look like another address.
    """
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(domain)}"
    except idna.IDNAError:
        return address


def _canonical_local_part(text: str) -> str:
    local = unicodedata.normalize("NFKC", text).lower()
    if len(local) > LOCAL_PART_MAX_LENGTH:
        raise _invalid(TOO_LONG)
    try:
        # A quoted local part is valid syntax, and often needs no quotes: two forms of one mailbox.
        # Django's pattern ignores case as Unicode does, so a dotless i counts as an I.
        if '"' in local or not local.isascii():
            raise _invalid(LOCAL_PART_INVALID)
        _validate_syntax(f"{local}@example.org")
    except ValidationError:
        is_visible = all(map(_is_visible, text))
        raise _invalid(LOCAL_PART_INVALID if is_visible else INVISIBLE) from None
    return local


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf"}


def _invalid(message: Any) -> ValidationError:
    """Return the refusal, whose message is translated when it is read: settings have none yet."""
    return ValidationError(message, code="email_invalid")
