"""How often one may try to log in: to one account, from one network, and everybody together.

An account has one bucket, whatever it is called by, and each login has one. That of a login is
asked first, and who finds it full is told. That of the account is asked once the login was looked
up, and who finds that full is told what a wrong password is told: anything else would tell which
logins belong together, and so that there is somebody behind them.

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
from users.accounts.identifiers import canonical_login
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
    """The buckets in which an attempt counts: one of its own, and those shared with others.

    Those of a device have no ``login``, because the account's bucket does not hold them up.
    """

    own: Bucket
    shared: tuple[Bucket, ...] = ()
    login: str | None = None

    def count(self) -> None:
        """Count the attempt, or raise `TooManyAttemptsError`."""
        attempt(self.own, *self.shared)

    def count_on_account(self, user_id: UUID | None) -> bool:
        """Count it for the person, or for nobody, whom the login is of; tell if there was room.

        For nobody the same is done, by the login.
        """
        if self.login is None:
            return True
        try:
            attempt(_bucket_behind(user_id, self.login))
        except TooManyAttemptsError:
            return False
        return True

    def forgive(self, user_id: UUID) -> None:
        """Forget it, because it succeeded, and all before it of the same account or device."""
        forgive(*self.shared)
        clear(self.own, *(() if self.login is None else (_bucket_of_person(user_id),)))

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

    A login counts as typed, whether anybody has it or not, and on the account behind it, see
    `LogInAttempt.count_on_account`. An attempt from a known device of the account counts against
    that device only: strangers can neither lock it out nor use up its attempts. Only who presents
    a valid token has the account looked up here.
    """
    user = User.objects.with_login(login).only("password").first() if device else None
    if device and user and device.belongs_to(user):
        return LogInAttempt(_bucket_of_device(device.id))
    per_network = Limit("log_in.origin", settings.LOG_INS_PER_ADDRESS, PERIOD)
    overall = Limit("log_in.overall", settings.LOG_INS_OVERALL, MINUTE)
    shared = (origin(per_network, actor), Bucket(overall, "everybody"))
    return LogInAttempt(_bucket_of_login(login), shared, login)


def unlock(user: User, *, device_id: UUID | None = None) -> None:
    """Forget the failed attempts to log in as the person, by any login or from the device."""
    devices = [_bucket_of_device(device_id)] if device_id else []
    further = user.email_addresses.values_list("email", flat=True)
    clear(*buckets_of(user.pk, (user.username, user.email, *further)), *devices)


def buckets_of(user_id: UUID, logins: Iterable[str]) -> list[Bucket]:
    """Return where attempts to log in as a person count; those of devices are nobody's."""
    by_login = (_bucket_of_login, _bucket_of_nobody, _bucket_of_lockout)
    return [_bucket_of_person(user_id), *(each(login) for login in logins for each in by_login)]


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


def _bucket_of_login(login: str) -> Bucket:
    limit = Limit("log_in.login", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical_login(login))


def _bucket_behind(user_id: UUID | None, login: str) -> Bucket:
    return _bucket_of_nobody(login) if user_id is None else _bucket_of_person(user_id)


def _bucket_of_person(user_id: UUID) -> Bucket:
    limit = Limit("log_in.person", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, str(user_id))


def _bucket_of_nobody(login: str) -> Bucket:
    """Return what is as good as a person's where there is none, under a name of its own."""
    limit = Limit("log_in.nobody", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical_login(login))


def _bucket_of_lockout(login: str) -> Bucket:
    return Bucket(LOCKOUTS_REMEMBERED, canonical_login(login))
