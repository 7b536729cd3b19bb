"""Secrets at rest, under the key of today."""

from typing import Final

from users.authentication.factors.one_time_codes import seal_secret, unseal_secret
from users.authentication.models import Totp

BATCH: Final = 1_000


def reseal_secrets() -> int:
    """Seal anew what was sealed under one of `settings.SECRET_KEY_FALLBACKS`; return how many.

    May be stopped and run again at any time, while the service runs: a secret that changes
    meanwhile is left alone, and was sealed under today's key. Raises `UnsealError` for a secret
    that no key opens.
    """
    count = 0
    apps = Totp.objects.order_by("pk")
    batch = list(apps[:BATCH])
    while batch:
        for totp in batch:
            # Sealing is deterministic: what comes out the same is under today's key.
            sealed = seal_secret(unseal_secret(totp.secret, totp.pk), totp.pk)
            if sealed != totp.secret:
                unchanged = Totp.objects.filter(pk=totp.pk, secret=totp.secret)
                count += unchanged.update(secret=sealed)
        batch = list(apps.filter(pk__gt=batch[-1].pk)[:BATCH])
    return count
