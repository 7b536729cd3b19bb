"""What API tokens look like: a prefix to know them by, a secret, and a checksum.

Scanners of repositories and logs find them by one regular expression, and can tell from the
checksum that it is no accident; a typo is refused without a look at the database.
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
    """Return a new token, which has 256 random bits."""
    secret = "".join(secrets.choice(BASE62) for _index in range(SECRET_LENGTH))
    body = (SERVICE if for_service else PERSONAL) + secret
    return body + _checksum(body)


def is_like_api_token(token: str) -> bool:
    """Return whether it is to be taken for one, and not for an access token."""
    return token.startswith((PERSONAL, SERVICE))


def is_well_formed(token: str) -> bool:
    """Return whether a token could have been given out: whether its checksum is right.

    Anybody can compute the checksum, which is no secret and proves nothing.
    """
    if PATTERN.fullmatch(token) is None:
        return False
    return token[-CHECKSUM_LENGTH:] == _checksum(token[:-CHECKSUM_LENGTH])


def _checksum(body: str) -> str:
    """Return the CRC-32 (ISO 3309) of all before it, in base 62."""
    rest, digits = zlib.crc32(body.encode()), ""
    for _index in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(BASE62))
        digits = BASE62[digit] + digits
    return digits
