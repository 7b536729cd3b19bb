"""Known devices: devices from which a user has signed in before.

A device token (OWASP's "device cookie") authenticates no one and gives no access. It only moves
log-in attempts to a separate rate limit bucket, so an attacker who guesses passwords cannot lock
the owner out.
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
    """A device of one user; other users have devices of their own."""

    user_id: UUID
    id: UUID
    # Fingerprint of the password hash at sign-in.
    password_mark: bytes

    def belongs_to(self, user: User) -> bool:
        """Return whether the user signed in on the device with the current password.

        A changed password revokes all known devices, including those of an attacker who knew the
        old one.
        """
        return self.user_id == user.pk and self.password_mark == _mark(user)


def issue_device_token(user: User, *, known: Device | None) -> str:
    """Return a token for the user's device, valid for `settings.DEVICE_TTL`.

    A ``known`` device of the user keeps its id.
    """
    device_id = known.id if known and known.user_id == user.pk else uuid4()
    issued = int(timezone.now().timestamp()).to_bytes(8, "big")
    data = user.pk.bytes + device_id.bytes + _mark(user) + issued
    return seal(data, purpose=PURPOSE, context=CONTEXT)


def read_device_token(token: str | None) -> Device | None:
    """Return the token's device; None if the token is invalid or expired."""
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
