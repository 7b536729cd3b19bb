"""API token format: a prefix, a secret and a checksum.

Secret scanners match tokens by one regular expression and rule out false positives by the
checksum. A mistyped token is refused without a query.
"""

import re
import secrets
import string
import zlib
from typing import Final

BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
# 62 ** 43 is more than 2 ** 256.
SECRET_LENGTH: Final = 43
# 62 ** 6 is more than 2 ** 32.
CHECKSUM_LENGTH: Final = 6
PERSONAL: Final = "roster_pat_"
SERVICE: Final = "roster_sat_"
PATTERN: Final = re.compile(rf"roster_[ps]at_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def new_api_token(*, for_service: bool) -> str:
    """Return a new token with 256 random bits."""
    secret = "".join(secrets.choice(BASE62) for _index in range(SECRET_LENGTH))
    body = (SERVICE if for_service else PERSONAL) + secret
    return body + _checksum(body)


def is_like_api_token(token: str) -> bool:
    """Return whether the bearer token has the prefix of an API token."""
    return token.startswith((PERSONAL, SERVICE))


def is_well_formed(token: str) -> bool:
    """Return whether the token matches the format and its checksum.

    The checksum detects typos only. It authenticates nothing: any client can compute it.
    """
    if PATTERN.fullmatch(token) is None:
        return False
    return token[-CHECKSUM_LENGTH:] == _checksum(token[:-CHECKSUM_LENGTH])


def _checksum(body: str) -> str:
    """Return the CRC-32 (ISO 3309) of the body in base 62."""
    remainder, digits = zlib.crc32(body.encode()), ""
    for _index in range(CHECKSUM_LENGTH):
        remainder, digit = divmod(remainder, len(BASE62))
        digits = BASE62[digit] + digits
    return digits
