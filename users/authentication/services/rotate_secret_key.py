"""Resealing secrets at rest after a change of SECRET_KEY."""

from typing import Final

from users.authentication.factors.one_time_codes import seal_secret, unseal_secret
from users.authentication.models import Totp

BATCH: Final = 1_000


def reseal_secrets() -> int:
    """Reseal secrets from `settings.SECRET_KEY_FALLBACKS` under SECRET_KEY; return their number.

    Safe to interrupt and to run while the service runs: a secret that a concurrent request changes
    is already sealed under the current key and is skipped. Raises `UnsealError` for a secret that
    no key opens.
    """
    count = 0
    apps = Totp.objects.order_by("pk")
    batch = list(apps[:BATCH])
    while batch:
        for totp in batch:
            # Sealing is deterministic, so an equal result means the current key.
            sealed = seal_secret(unseal_secret(totp.secret, totp.pk), totp.pk)
            if sealed != totp.secret:
                unchanged = Totp.objects.filter(pk=totp.pk, secret=totp.secret)
                count += unchanged.update(secret=sealed)
        batch = list(apps.filter(pk__gt=batch[-1].pk)[:BATCH])
    return count
