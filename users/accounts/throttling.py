"""Rate limits of the accounts' flows.

Each `count_…` function counts one attempt and raises `TooManyAttemptsError` beyond the limit. Call
it before the service's transaction, so that a rollback does not undo the count.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt, refund
from core.security.actor import Actor
from core.web.client_ip import network_of

PASSWORDS_PER_USER: Final = Limit("password.user", 10, timedelta(minutes=15))
# Per network as well, so that a stranger cannot use up the limit of the address's owner.
MAILS_PER_ADDRESS_AND_NETWORK: Final = Limit("mail.recipient.network", 5, timedelta(hours=1))
MAILS_PER_ADDRESS: Final = Limit("mail.recipient", 20, timedelta(hours=1))
MAILS_PER_NETWORK: Final = Limit("mail.network", 50, timedelta(hours=1))
USERNAMES_PER_USER: Final = Limit("username.user", 5, timedelta(days=1))
AVATARS_PER_USER: Final = Limit("avatar.user", 20, timedelta(hours=1))
TOKENS_PER_NETWORK: Final = Limit("token.network", 50, timedelta(minutes=10))


def network_bucket(limit: Limit, actor: Actor) -> Bucket:
    """Return the bucket of the request's network; unknown networks share one."""
    return Bucket(limit, _network(actor))


def user_buckets(user_id: UUID, emails: Iterable[str]) -> list[Bucket]:
    """Return the buckets of a user and their addresses, but not those of networks."""
    own = (PASSWORDS_PER_USER, USERNAMES_PER_USER, AVATARS_PER_USER)
    return [
        *(Bucket(limit, str(user_id)) for limit in own),
        *(Bucket(MAILS_PER_ADDRESS, email) for email in emails),
    ]


def count_password(user_id: UUID) -> None:
    """Count an attempt at a user's current password."""
    attempt(Bucket(PASSWORDS_PER_USER, str(user_id)))


def count_username(user_id: UUID) -> None:
    """Count a change of username, against squatting and enumeration."""
    attempt(Bucket(USERNAMES_PER_USER, str(user_id)))


def count_avatar(user_id: UUID) -> None:
    """Count an upload of an avatar."""
    attempt(Bucket(AVATARS_PER_USER, str(user_id)))


def refund_avatar(user_id: UUID) -> None:
    """Refund the attempt of an upload that was not decoded."""
    refund(Bucket(AVATARS_PER_USER, str(user_id)))


def count_mail(actor: Actor, email: str) -> None:
    """Count a mail to an address, with or without an account (no enumeration)."""
    attempt(
        Bucket(MAILS_PER_ADDRESS_AND_NETWORK, f"{_network(actor)} {email}"),
        Bucket(MAILS_PER_ADDRESS, email),
        network_bucket(MAILS_PER_NETWORK, actor),
    )


def count_token(actor: Actor) -> None:
    """Count an attempt at a mailed token."""
    attempt(network_bucket(TOKENS_PER_NETWORK, actor))


def _network(actor: Actor) -> str:
    return network_of(actor.ip) if actor.ip else "unknown"
