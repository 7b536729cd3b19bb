"""Known devices: from where somebody signed in before, and so may try in spite of a lockout.

A device token proves no identity and opens nothing. It only has its holder's attempts to log
in counted apart from everybody else's (OWASP's "device cookie"), so that nobody can lock
people out by guessing at their passwords.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone

from core.security.crypto import UnsealError, digest, seal, unseal
from users.accounts.models import User

PURPOSE: Final = "device"
CONTEXT: Final = "device token"
UUID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Device:
    """Where a person signed in; other people's sign-ins there make other devices."""

    user_id: UUID
    id: UUID
    # Tells whether the person has the same password as then.
    password_mark: bytes

    def belongs_to(self, user: User) -> bool:
        """Tell whether the person signed in there with the password they have now.

        Somebody who once knew the password is a stranger like all others after it was changed.
        """
        return self.user_id == user.pk and self.password_mark == _mark(user)


def issue_device_token(user: User, *, known: Device | None) -> str:
    """Return a token for the device from which the person just signed in.

    A ``known`` device of the person stays the same one. The token is for `settings.DEVICE_TTL`.
    """
    device_id = known.id if known and known.user_id == user.pk else uuid4()
    issued = int(timezone.now().timestamp()).to_bytes(8, "big")
    data = user.pk.bytes + device_id.bytes + _mark(user) + issued
    return seal(data, purpose=PURPOSE, context=CONTEXT)


def read_device_token(token: str | None) -> Device | None:
    """Return the device; None for a token that is none of ours, or is too old."""
    if not token:
        return None
    try:
        data = unseal(token, purpose=PURPOSE, context=CONTEXT)
    except UnsealError:
        return None
    user_id, device_id = data[:UUID_BYTES], data[UUID_BYTES : 2 * UUID_BYTES]
    mark, issued = data[2 * UUID_BYTES : -8], data[-8:]
    age = timezone.now().timestamp() - int.from_bytes(issued, "big")
    if age >= settings.DEVICE_TTL.total_seconds():
        return None
    return Device(UUID(bytes=user_id), UUID(bytes=device_id), mark)


def _mark(user: User) -> bytes:
    return digest(user.password)[:16]
