"""Rate limits of the accounts' flows.

Each `count_…` function counts one attempt and raises `TooManyAttemptsError` beyond the limit. Call
it before the service's transaction, so that a rollback does not undo the count; `counts_token`
decorates the service. Other functions return buckets, for work within `counted`.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Final, ParamSpec, TypeVar, cast
from uuid import UUID

from django.conf import settings

from core.errors import TooManyAttemptsError
from core.outbox.errors import PostponedError
from core.ratelimit.buckets import storage_key
from core.ratelimit.limits import Bucket, Limit, attempt, counted, refund, settle
from core.security.actor import Actor
from core.web.client_ip import network_of

P = ParamSpec("P")
R = TypeVar("R")

PASSWORDS_PER_USER: Final = Limit("password.user", 10, timedelta(minutes=15))
HOUR: Final = timedelta(hours=1)
# Per network as well, so that a stranger cannot use up the limit of the address's owner.
MAILS_PER_ADDRESS_AND_NETWORK: Final = Limit("mail.recipient.network", 5, HOUR)
MAILS_PER_ADDRESS: Final = Limit("mail.recipient", 20, HOUR)
# Apart from other mails, so that sign-ups of a network, or with the address of a user, do not keep
# the user from a reset. Known and unknown addresses count alike (no enumeration).
RESETS_PER_ADDRESS_AND_NETWORK: Final = Limit("reset.recipient.network", 5, HOUR)
RESETS_PER_ADDRESS: Final = Limit("reset.recipient", 20, HOUR)
USERNAMES_PER_USER: Final = Limit("username.user", 5, timedelta(days=1))
AVATARS_PER_USER: Final = Limit("avatar.user", 20, timedelta(hours=1))
TOKENS_PER_NETWORK: Final = Limit("token.network", 50, timedelta(minutes=10))
MINUTE: Final = timedelta(minutes=1)
# Of a postponed mail, so that a higher limit takes effect.
LONGEST_DELAY: Final = timedelta(hours=1)


def network_bucket(limit: Limit, actor: Actor) -> Bucket:
    """Return the bucket of the request's network; unknown networks share one."""
    return Bucket(limit, _network(actor))


def user_buckets(user_id: UUID, emails: Iterable[str]) -> list[Bucket]:
    """Return the buckets of a user and their addresses, but not those of networks."""
    own = (PASSWORDS_PER_USER, USERNAMES_PER_USER, AVATARS_PER_USER)
    return [
        *(Bucket(limit, str(user_id)) for limit in own),
        *(
            Bucket(limit, email)
            for email in emails
            for limit in (MAILS_PER_ADDRESS, RESETS_PER_ADDRESS)
        ),
    ]


def password_bucket(user_id: UUID) -> Bucket:
    """Return the bucket of attempts at a user's current password."""
    return Bucket(PASSWORDS_PER_USER, str(user_id))


def count_username(user_id: UUID) -> None:
    """Count a change of username, against squatting and enumeration."""
    attempt(Bucket(USERNAMES_PER_USER, str(user_id)))


def avatar_bucket(user_id: UUID) -> Bucket:
    """Return the bucket of a user's uploads of avatars."""
    return Bucket(AVATARS_PER_USER, str(user_id))


def mails_of_network(actor: Actor, kind: str = "mail") -> Bucket:
    """Return the bucket of a network, such as an office, for a kind of mails."""
    return network_bucket(Limit(f"{kind}.network", settings.MAILS_PER_NETWORK, HOUR), actor)


def count_mail(actor: Actor, email: str) -> None:
    """Count a mail to an address, with or without an account (no enumeration)."""
    attempt(*mails_to(email, actor), mails_of_network(actor))


def count_sign_up(actor: Actor) -> None:
    """Count a sign-up of the network, also one that is refused."""
    attempt(mails_of_network(actor, "sign_up"))


def count_reset(actor: Actor, email: str) -> None:
    """Count a mail that resets a password, as `count_mail` does."""
    attempt(
        Bucket(RESETS_PER_ADDRESS_AND_NETWORK, f"{_network(actor)} {email}"),
        Bucket(RESETS_PER_ADDRESS, email),
        mails_of_network(actor, "reset"),
    )


def mails_to(email: str, actor: Actor) -> tuple[Bucket, Bucket]:
    """Return the buckets of mails to an address, without that of the network."""
    return (
        Bucket(MAILS_PER_ADDRESS_AND_NETWORK, f"{_network(actor)} {email}"),
        Bucket(MAILS_PER_ADDRESS, email),
    )


def counts_token(service: Callable[P, R]) -> Callable[P, R]:
    """Count a service's call as an attempt at a mailed token unless it succeeds.

    So the valid links of an office do not keep its other users from theirs.
    """

    @wraps(service)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bucket = network_bucket(TOKENS_PER_NETWORK, cast("Actor", kwargs["actor"]))
        with counted(bucket):
            result = service(*args, **kwargs)
        refund(bucket)
        return result

    return call


def count_delivery(*, is_awaited: bool) -> None:
    """Count the delivery of a mail, in `settings.MAILS_PER_MINUTE`.

    Beyond the limit, raises `PostponedError`. Mails that no one waits for get half of it.
    """
    if not settings.MAILS_PER_MINUTE:
        return
    limits = [_delivery_limit("mail.delivery", settings.MAILS_PER_MINUTE)]
    if not is_awaited:
        limits.append(_delivery_limit("mail.notice", max(1, settings.MAILS_PER_MINUTE // 2)))
    try:
        attempt(*(Bucket(limit, "all") for limit in limits))
    except TooManyAttemptsError as error:
        # Behind those that were postponed before, so that they are not all tried again at once.
        own = limits[-1]
        key = storage_key(f"{own.name}.postponed", "all")
        queued, _wait = settle(key, debt=own.interval, size=timedelta(), capacity=timedelta())
        delay = max(timedelta(seconds=error.retry_after), queued)
        raise PostponedError(min(delay, LONGEST_DELAY)) from None


def _delivery_limit(name: str, per_minute: int) -> Limit:
    """Return a limit whose burst is more than the outbox's relay brings at once."""
    burst = max(1, per_minute // 4)
    return Limit(name, burst, MINUTE * burst / per_minute)


def _network(actor: Actor) -> str:
    return network_of(actor.ip) if actor.ip else "unknown"
