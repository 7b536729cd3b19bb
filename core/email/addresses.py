"""Canonical e-mail addresses: one spelling per mailbox.

The domain consists of lower-case A-labels (UTS 46, non-transitional, and IDNA 2008), and the local
part of lower-case ASCII. So every SMTP server accepts the address, and canonicalisation is
idempotent.
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
# Forms of @ that East Asian input methods produce.
AT_SIGNS: Final = str.maketrans("\N{FULLWIDTH COMMERCIAL AT}\N{SMALL COMMERCIAL AT}", "@@")
# Top-level domains without mail (RFC 6761, RFC 7686, RFC 9476). Those for documentation, tests
# and local networks are allowed, because a deployment's own DNS may serve them.
UNREACHABLE: Final = frozenset(("alt", "arpa", "invalid", "localhost", "onion"))
# By default Django accepts `localhost`.
_validate_syntax: Final = EmailValidator(allowlist=[])

# The lower case of U+0130 in all languages but Turkish and Azerbaijani.
DOTTED_I: Final = "i\N{COMBINING DOT ABOVE}"

NO_ADDRESS: Final = _("Enter an e-mail address such as name@example.org.")
TOO_LONG: Final = _("Enter an e-mail address of at most 254 characters, at most 64 before the @.")
LOCAL_PART_INVALID: Final = _(
    "Before the @, use letters without accents, digits, dots and hyphens; no spaces, quotation "
    "marks or comments."
)
INVISIBLE: Final = _("The address has invisible characters. Type it instead of pasting it.")
ADDRESS_LITERAL: Final = _(
    "After the @, enter a domain name such as example.org, not an IP address."
)
DOMAIN_INVALID: Final = _(
    "After the @, enter a domain that receives mail, such as example.org. Check its spelling."
)


def canonical_email(text: str) -> str:
    """Return the canonical form of an address. Raises only `ValidationError`.

    Surrounding white space is stripped, full-width characters become ASCII, and case is ignored.
    Dots and tags (``+``) in the local part are kept, because their meaning depends on the provider.
    """
    address = text.strip()
    # Checked before normalisation, which takes quadratic time.
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
    """Return the canonical form of a mail domain. Raises only `ValidationError`.

    The syntax is checked, without a DNS lookup.
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
    """Return a domain, or a suffix of one, in A-labels.

    Raises only `ValidationError`: if IDNA 2008 does not allow the domain.
    """
    try:
        # UTS 46 drops invisible characters, so different inputs would become one address.
        if not domain.isascii() and not all(map(idna.uts46_remap, domain)):
            raise _invalid(INVISIBLE)
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError:
        is_visible = all(map(_is_visible, domain))
        raise _invalid(DOMAIN_INVALID if is_visible else INVISIBLE) from None


def unicode_email(address: str) -> str:
    """Return a canonical address with its domain in U-labels.

    Use it only for display and word comparison: it may look like another address.
    """
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(domain)}"
    except idna.IDNAError:
        return address


def lower(text: str) -> str:
    """Return the text in lower case, with an i for the Turkish İ."""
    return text.lower().replace(DOTTED_I, "i")


def _canonical_local_part(text: str) -> str:
    local = lower(unicodedata.normalize("NFKC", text))
    if len(local) > LOCAL_PART_MAX_LENGTH:
        raise _invalid(TOO_LONG)
    try:
        # Quotes are valid syntax, but mostly redundant, so one mailbox would have two forms.
        # Django's pattern ignores case by Unicode's rules, so it accepts a dotless i as an I.
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
    """Return the error with a lazy message, because settings are read before translations."""
    return ValidationError(message, code="email_invalid")
