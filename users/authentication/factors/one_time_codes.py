"""One-time codes: TOTP (RFC 6238) and recovery codes."""

import secrets
import unicodedata
from io import BytesIO
from typing import Final

import pyotp
import segno
from django.conf import settings
from django.utils import timezone

from core.security.crypto import digest, seal, unseal
from users.accounts.models import User

PURPOSE: Final = "totp"
# Accepted clock skew, in time steps of 30 seconds before and after the current one.
WINDOW: Final = 1
DIGITS: Final = 6
# Crockford's base 32: no characters that are easily confused.
ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LOOK_ALIKE_DIGITS: Final = str.maketrans({"o": "0", "i": "1", "l": "1"})
GROUPS, GROUP_LENGTH = 4, 6
CODES: Final = 10
MAX_CODE_LENGTH: Final = 64


def new_totp_secret(user: User) -> str:
    """Return a new 160-bit secret (RFC 4226, section 4), sealed for the user."""
    return seal_secret(pyotp.random_base32(), user.pk)


def seal_secret(secret: str, user_id: object) -> str:
    """Return the secret sealed under the current key and bound to the user's id."""
    return seal(secret.encode(), purpose=PURPOSE, context=str(user_id))


def unseal_secret(sealed: str, user_id: object) -> str:
    """Return the secret in clear text. Raises `UnsealError` if no key opens it."""
    return unseal(sealed, purpose=PURPOSE, context=str(user_id)).decode()


def provisioning_uri(secret: str, user: User) -> str:
    """Return the `otpauth://` URI for authenticator apps (Key URI Format)."""
    totp = pyotp.TOTP(secret)
    return totp.provisioning_uri(name=user.username, issuer_name=settings.SERVICE_NAME)


def qr_code(text: str) -> str:
    """Return the text as a QR code (ISO/IEC 18004) in SVG."""
    image = BytesIO()
    segno.make(text, error="m", micro=False).save(image, kind="svg", scale=4, xmldecl=False)
    return image.getvalue().decode()


def step_of(code: str, secret: str) -> int | None:
    """Return the code's time step; None if the code is not valid at this moment."""
    digits = _digits(code)
    if digits is None:
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(
            digits, for_time=timezone.now(), valid_window=WINDOW
        )
    except pyotp.OTPVerificationError:
        return None


def new_recovery_codes() -> list[str]:
    """Return recovery codes of 120 random bits each, in groups for readability."""
    return ["-".join(_group() for _number in range(GROUPS)) for _code in range(CODES)]


def recovery_digest(code: str) -> bytes:
    """Return the digest of a recovery code, normalizing how it was typed."""
    letters = (
        unicodedata.normalize("NFKC", code[:MAX_CODE_LENGTH]).lower().translate(LOOK_ALIKE_DIGITS)
    )
    return digest("".join(letter for letter in letters if letter.isalnum()))


def _group() -> str:
    return "".join(secrets.choice(ALPHABET) for _letter in range(GROUP_LENGTH))


def _digits(code: str) -> str | None:
    """Return the code's digits in ASCII; None unless it has exactly `DIGITS` digits.

    Spaces and hyphens are ignored, and decimal digits of any script are accepted. Any other
    character makes the code invalid.
    """
    typed = (letter for letter in code[:MAX_CODE_LENGTH] if letter not in "-\N{EN DASH}")
    digits = [unicodedata.decimal(letter, -1) for letter in typed if not letter.isspace()]
    return "".join(map(str, digits)) if len(digits) == DIGITS and -1 not in digits else None
