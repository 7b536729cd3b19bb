"""Secrets and signatures of webhooks, as Standard Webhooks defines them."""

import datetime as dt
import secrets
from base64 import b64encode
from typing import Final
from uuid import UUID

from standardwebhooks import Webhook as Signer

from core.security.crypto import seal, unseal
from users.webhooks.models import Webhook

PURPOSE: Final = "webhook"
PREFIX: Final = "whsec_"
# The specification asks for 24 to 64.
SECRET_BYTES: Final = 32


def new_webhook_secret() -> str:
    """Return a new secret, as it is shown to the owner."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal_secret(secret: str, webhook_id: object) -> str:
    """Return the secret sealed under the current key and bound to the webhook's id."""
    return seal(secret.encode(), purpose=PURPOSE, context=str(webhook_id))


def unseal_secret(sealed: str, webhook_id: object) -> str:
    """Return the secret in clear text. Raises `UnsealError` if no key opens it."""
    return unseal(sealed, purpose=PURPOSE, context=str(webhook_id)).decode()


def signed_headers(
    webhook: Webhook, message_id: UUID, body: str, *, now: dt.datetime
) -> dict[str, str]:
    """Return the headers of an attempt, with a signature by each valid secret."""
    sealed = [webhook.secret]
    expires_at = webhook.previous_secret_expires_at
    if expires_at is not None and now < expires_at:
        sealed.append(webhook.previous_secret)
    signers = [Signer(unseal_secret(each, webhook.pk)) for each in sealed]
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(
            signer.sign(str(message_id), now, body) for signer in signers
        ),
    }
