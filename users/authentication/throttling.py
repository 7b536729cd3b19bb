"""How often one may try to log in: to one account, from one network, and everybody together.

All functions are called outside of transactions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

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
DAY: Final = timedelta(days=1)
# Three codes of a million are right at any moment. At fifty a day, guessing at one takes 19 years
# for an even chance of success, and the password is needed besides.
CODES_OF_PERSON: Final = Limit("factor.person", 5, PERIOD)
CODES_OF_PERSON_DAILY: Final = Limit("factor.person.day", 50, DAY)
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

    def forgive_others(self) -> None:
        """Forget it where others count, too; the account's own waits for the second factor."""
        forgive(*self.shared)

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
        return LogInAttempt(_bucket_of_device(device.id))
    per_network = Limit("log_in.origin", settings.LOG_INS_PER_ADDRESS, PERIOD)
    overall = Limit("log_in.overall", settings.LOG_INS_OVERALL, MINUTE)
    shared = (origin(per_network, actor), Bucket(overall, "everybody"))
    return LogInAttempt(_bucket_of_account(login), shared)


def unlock(user: User, *, device_id: UUID | None = None) -> None:
    """Forget the failed attempts to log in as the person, by any login or from the device."""
    devices = [_bucket_of_device(device_id)] if device_id else []
    further = user.email_addresses.values_list("email", flat=True)
    clear(*buckets_of((user.username, user.email, *further)), *devices)


def buckets_of(logins: Iterable[str]) -> list[Bucket]:
    """Return where attempts to log in count, by the logins; those of devices are nobody's."""
    return [each(login) for login in logins for each in (_bucket_of_account, _bucket_of_lockout)]


def count_code(user_id: UUID) -> None:
    """Count a code that is entered as the person's, from wherever.

    Call it outside of transactions. Raises `TooManyAttemptsError`.
    """
    attempt(*buckets_of_codes(user_id))


def forgive_codes(user_id: UUID) -> None:
    """Forget the wrong codes of the last minutes, because the right one came.

    Of the day's, only the right one is forgotten, lest whoever guesses gets as many more each time
    that the owner signs in.
    """
    by_minutes, by_day = buckets_of_codes(user_id)
    clear(by_minutes)
    forgive(by_day)


def count_passkey(actor: Actor) -> None:
    """Count a challenge that is asked for, or an answer: each is a row that somebody writes.

    Call it outside of transactions. Raises `TooManyAttemptsError`.
    """
    attempt(_bucket_of_passkeys(actor))


def forgive_passkey(actor: Actor) -> None:
    """Forget a challenge and its answer, because that was good."""
    for _attempt in range(2):
        forgive(_bucket_of_passkeys(actor))


def buckets_of_codes(user_id: UUID) -> tuple[Bucket, ...]:
    """Return where codes count that are entered as the person's."""
    limits = (CODES_OF_PERSON, CODES_OF_PERSON_DAILY)
    return tuple(Bucket(limit, str(user_id)) for limit in limits)


def _bucket_of_passkeys(actor: Actor) -> Bucket:
    return origin(Limit("passkey.origin", settings.LOG_INS_PER_ADDRESS, PERIOD), actor)


def _bucket_of_device(device_id: UUID) -> Bucket:
    limit = Limit("log_in.device", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, str(device_id))


def _bucket_of_account(login: str) -> Bucket:
    limit = Limit("log_in.account", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical(login))


def _bucket_of_lockout(login: str) -> Bucket:
    return Bucket(LOCKOUTS_REMEMBERED, canonical(login))
