"""How often one may try to log in: to one account, from one network, and everybody together.

All functions are called outside of transactions.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings

from core.actor import Actor
from core.errors import TooManyAttemptsError
from core.ratelimit.limits import Bucket, Limit, attempt, clear, forgive
from users.accounts.identifiers import canonical
from users.accounts.models import User
from users.accounts.throttling import origin
from users.authentication.devices import Device

PERIOD: Final = timedelta(minutes=15)
MINUTE: Final = timedelta(minutes=1)
LOCKOUTS_REMEMBERED: Final = Limit("log_in.lockout", 1, PERIOD)


@dataclass(frozen=True, slots=True)
class LogInAttempt:
    """The buckets in which an attempt counts: one of its own, and those shared with others."""

    own: Bucket
    shared: tuple[Bucket, ...] = ()

    def count(self) -> None:
        """Count the attempt, or raise `TooManyAttemptsError`."""
        attempt(self.own, *self.shared)

    def forgive(self) -> None:
        """Forget it, because it succeeded, and all before it of the same account or device."""
        forgive(*self.shared)
        clear(self.own)

    def is_news(self) -> bool:
        """Tell of a refused one whether the account is locked, once in 15 minutes."""
        if not self.shared:
            return False
        try:
            attempt(self.own)
        except TooManyAttemptsError:
            pass
        else:
            forgive(self.own)
            return False
        try:
            attempt(_bucket_of_lockout(self.own.subject))
        except TooManyAttemptsError:
            return False
        return True


def log_in_attempt(login: str, *, actor: Actor, device: Device | None) -> LogInAttempt:
    """Return where an attempt counts.

    A login counts as typed, whether anybody has it or not. A person's e-mail and username do
    so apart, because one count for both would tell which belong together. An attempt from a
    known device of the account counts against that device only: strangers can neither lock
    it out nor use up its attempts. Only who presents a valid token has the account looked up.
    """
    user = User.objects.with_login(login).only("password").first() if device else None
    if device and user and device.belongs_to(user):
        per_device = Limit("log_in.device", settings.LOG_INS_PER_ACCOUNT, PERIOD)
        return LogInAttempt(Bucket(per_device, str(device.id)))
    per_network = Limit("log_in.origin", settings.LOG_INS_PER_ADDRESS, PERIOD)
    overall = Limit("log_in.overall", settings.LOG_INS_OVERALL, MINUTE)
    shared = (origin(per_network, actor), Bucket(overall, "everybody"))
    return LogInAttempt(_bucket_of_account(login), shared)


def unlock(user: User) -> None:
    """Forget the failed attempts to log in as the person, by any login."""
    further = user.email_addresses.values_list("email", flat=True)
    logins = (user.username, user.email, *further)
    clear(*map(_bucket_of_account, logins), *map(_bucket_of_lockout, logins))


def _bucket_of_account(login: str) -> Bucket:
    limit = Limit("log_in.account", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical(login))


def _bucket_of_lockout(login: str) -> Bucket:
    return Bucket(LOCKOUTS_REMEMBERED, canonical(login))
