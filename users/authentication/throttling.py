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

from core.errors import TooManyAttemptsError
from core.ratelimit.limits import Bucket, Limit, attempt, clear, refund
from core.security.actor import Actor
from users.accounts.identifiers import canonical_login
from users.accounts.models import User
from users.accounts.throttling import network_bucket
from users.authentication.sessions.known_devices import Device

PERIOD: Final = timedelta(minutes=15)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
# Three codes of a million are right at any moment. At fifty a day, guessing at one takes 19 years
# for an even chance of success, and the password is needed besides.
CODES_PER_USER: Final = Limit("factor.person", 5, PERIOD)
CODES_PER_USER_DAILY: Final = Limit("factor.person.day", 50, DAY)
LOCKOUT_NOTICES: Final = Limit("log_in.lockout", 1, PERIOD)


@dataclass(frozen=True, slots=True)
class LogInAttempt:
    """The buckets in which an attempt counts: one of its own, and those shared with others.

    Those of a device have no ``login``, because the account's bucket does not hold them up.
    """

    own_bucket: Bucket
    shared: tuple[Bucket, ...] = ()
    login: str | None = None

    def count(self) -> None:
        """Count the attempt, or raise `TooManyAttemptsError`."""
        attempt(self.own_bucket, *self.shared)

    def count_on_account(self, user_id: UUID | None) -> bool:
        """Count it for the person, or for nobody, whom the login is of; tell if there was room.

        For nobody the same is done, by the login.
        """
        if self.login is None:
            return True
        try:
            attempt(_account_bucket(user_id, self.login))
        except TooManyAttemptsError:
            return False
        return True

    def clear_failures(self, user_id: UUID) -> None:
        """Forget it, because it succeeded, and all before it of the same account or device."""
        refund(*self.shared)
        clear(self.own_bucket, *(() if self.login is None else (_user_bucket(user_id),)))

    def refund_shared(self) -> None:
        """Forget it where others count, too; the account's own waits for the second factor."""
        refund(*self.shared)

    def is_new_lockout(self) -> bool:
        """Tell of a refused one whether the account is locked, once in 15 minutes."""
        if not self.shared:
            return False
        try:
            attempt(self.own_bucket)
        except TooManyAttemptsError:
            pass
        else:
            refund(self.own_bucket)
            return False
        try:
            attempt(_lockout_bucket(self.own_bucket.subject))
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
        return LogInAttempt(_device_bucket(device.id))
    per_network = Limit("log_in.origin", settings.LOG_INS_PER_ADDRESS, PERIOD)
    overall = Limit("log_in.overall", settings.LOG_INS_OVERALL, MINUTE)
    shared = (network_bucket(per_network, actor), Bucket(overall, "everybody"))
    return LogInAttempt(_login_bucket(login), shared, login)


def unlock(user: User, *, device_id: UUID | None = None) -> None:
    """Forget the failed attempts to log in as the person, by any login or from the device."""
    devices = [_device_bucket(device_id)] if device_id else []
    further = user.email_addresses.values_list("email", flat=True)
    clear(*user_buckets(user.pk, (user.username, user.email, *further)), *devices)


def user_buckets(user_id: UUID, logins: Iterable[str]) -> list[Bucket]:
    """Return where attempts to log in as a person count; those of devices are nobody's."""
    by_login = (_login_bucket, _unknown_login_bucket, _lockout_bucket)
    return [_user_bucket(user_id), *(each(login) for login in logins for each in by_login)]


def count_code(user_id: UUID) -> None:
    """Count a code that is entered as the person's, from wherever.

    Call it outside of transactions. Raises `TooManyAttemptsError`.
    """
    attempt(*second_factor_buckets(user_id))


def clear_codes(user_id: UUID) -> None:
    """Forget the wrong codes of the last minutes, because the right one came.

    Of the day's, only the right one is forgotten, lest whoever guesses gets as many more each time
    that the owner signs in.
    """
    by_minutes, by_day = second_factor_buckets(user_id)
    clear(by_minutes)
    refund(by_day)


def count_passkey(actor: Actor) -> None:
    """Count a challenge that is asked for, or an answer: each is a row that somebody writes.

    Call it outside of transactions. Raises `TooManyAttemptsError`.
    """
    attempt(_passkey_bucket(actor))


def refund_passkey(actor: Actor) -> None:
    """Forget a challenge and its answer, because that was good."""
    for _attempt in range(2):
        refund(_passkey_bucket(actor))


def second_factor_buckets(user_id: UUID) -> tuple[Bucket, ...]:
    """Return where codes count that are entered as the person's."""
    limits = (CODES_PER_USER, CODES_PER_USER_DAILY)
    return tuple(Bucket(limit, str(user_id)) for limit in limits)


def _passkey_bucket(actor: Actor) -> Bucket:
    return network_bucket(Limit("passkey.origin", settings.LOG_INS_PER_ADDRESS, PERIOD), actor)


def _device_bucket(device_id: UUID) -> Bucket:
    limit = Limit("log_in.device", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, str(device_id))


def _login_bucket(login: str) -> Bucket:
    limit = Limit("log_in.login", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical_login(login))


def _account_bucket(user_id: UUID | None, login: str) -> Bucket:
    return _unknown_login_bucket(login) if user_id is None else _user_bucket(user_id)


def _user_bucket(user_id: UUID) -> Bucket:
    limit = Limit("log_in.person", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, str(user_id))


def _unknown_login_bucket(login: str) -> Bucket:
    """Return what is as good as a person's where there is none, under a name of its own."""
    limit = Limit("log_in.nobody", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical_login(login))


def _lockout_bucket(login: str) -> Bucket:
    return Bucket(LOCKOUT_NOTICES, canonical_login(login))
