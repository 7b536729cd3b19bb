"""How often accounts' flows may be tried, by whom and about whom.

Each function counts one attempt, before the service opens its transaction, and raises
`TooManyAttemptsError` instead if that would be one too many.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt, refund
from core.security.actor import Actor
from core.web.client_ip import network_of

PASSWORDS_PER_USER: Final = Limit("password.person", 10, timedelta(minutes=15))
# A network has a share of an address's mails, so that a stranger cannot use up the owner's.
MAILS_PER_ADDRESS_AND_NETWORK: Final = Limit("mail.recipient.origin", 5, timedelta(hours=1))
MAILS_PER_ADDRESS: Final = Limit("mail.recipient", 20, timedelta(hours=1))
MAILS_PER_NETWORK: Final = Limit("mail.origin", 50, timedelta(hours=1))
USERNAMES_PER_USER: Final = Limit("username.person", 5, timedelta(days=1))
AVATARS_PER_USER: Final = Limit("avatar.person", 20, timedelta(hours=1))
TOKENS_PER_NETWORK: Final = Limit("token.origin", 50, timedelta(minutes=10))


def network_bucket(limit: Limit, actor: Actor) -> Bucket:
    """Return the bucket of the network that the request came from; unknown ones share one."""
    return Bucket(limit, _network(actor))


def user_buckets(user_id: UUID, emails: Iterable[str]) -> list[Bucket]:
    """Return where attempts by and about a person count; those of networks are everybody's."""
    own = (PASSWORDS_PER_USER, USERNAMES_PER_USER, AVATARS_PER_USER)
    return [
        *(Bucket(limit, str(user_id)) for limit in own),
        *(Bucket(MAILS_PER_ADDRESS, email) for email in emails),
    ]


def count_password(user_id: UUID) -> None:
    """Count a current password that is entered by whoever is signed in as the person."""
    attempt(Bucket(PASSWORDS_PER_USER, str(user_id)))


def count_username(user_id: UUID) -> None:
    """Count a change of a username, lest somebody collect or try them by the thousand."""
    attempt(Bucket(USERNAMES_PER_USER, str(user_id)))


def count_avatar(user_id: UUID) -> None:
    """Count a picture that somebody has worked on and kept."""
    attempt(Bucket(AVATARS_PER_USER, str(user_id)))


def refund_avatar(user_id: UUID) -> None:
    """Take back the attempt of a picture that nobody looked at."""
    refund(Bucket(AVATARS_PER_USER, str(user_id)))


def count_mail(actor: Actor, email: str) -> None:
    """Count a mail that somebody has sent to an address, whether anybody has it or not."""
    attempt(
        Bucket(MAILS_PER_ADDRESS_AND_NETWORK, f"{_network(actor)} {email}"),
        Bucket(MAILS_PER_ADDRESS, email),
        network_bucket(MAILS_PER_NETWORK, actor),
    )


def count_token(actor: Actor) -> None:
    """Count a mailed token that is presented."""
    attempt(network_bucket(TOKENS_PER_NETWORK, actor))


def _network(actor: Actor) -> str:
    return network_of(actor.ip) if actor.ip else "unknown"
