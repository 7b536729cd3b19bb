"""Rate limits for log-in attempts: per login, account, network and in total.

Each login has a bucket, and each account has one that all its logins share. The login's bucket is
checked first; if it is full, the client gets `TooManyAttemptsError`. The account's bucket is
checked after the lookup; if it is full, the response is that of a wrong password. Any other
response would reveal which logins belong to one account, and thereby that the account exists.

Call all functions outside of transactions.
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
from users.accounts.services.lookup import get_by_login
from users.accounts.throttling import network_bucket
from users.authentication.sessions.known_devices import Device

PERIOD: Final = timedelta(minutes=15)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
# Three of a million codes are valid at any moment. At fifty attempts a day, a guess succeeds with
# probability 1/2 within 19 years, and only with the password.
CODES_PER_USER: Final = Limit("factor.user", 5, PERIOD)
CODES_PER_USER_DAILY: Final = Limit("factor.user.day", 50, DAY)
LOCKOUT_NOTICES: Final = Limit("log_in.lockout", 1, PERIOD)


@dataclass(frozen=True, slots=True)
class LogInAttempt:
    """The buckets of one attempt: its own, and those shared with other clients.

    ``login`` is None for a known device, which the account's bucket does not limit.
    """

    own_bucket: Bucket
    shared: tuple[Bucket, ...] = ()
    login: str | None = None

    def count(self) -> None:
        """Count the attempt, or raise `TooManyAttemptsError`."""
        attempt(self.own_bucket, *self.shared)

    def count_on_account(self, user_id: UUID | None) -> bool:
        """Count the attempt on the account; return False if its bucket is full.

        An unknown login has a bucket of its own, so that both cases behave alike.
        """
        if self.login is None:
            return True
        try:
            attempt(_account_bucket(user_id, self.login))
        except TooManyAttemptsError:
            return False
        return True

    def refund(self, user_id: UUID | None, *, is_on_account: bool) -> None:
        """Refund an attempt that was no guess; ``is_on_account`` if it counted there."""
        buckets = [self.own_bucket, *self.shared]
        if is_on_account and self.login is not None:
            buckets.append(_account_bucket(user_id, self.login))
        refund(*buckets)

    def clear_failures(self, user_id: UUID) -> None:
        """Refund a successful attempt and clear earlier failures of the account or device."""
        refund(*self.shared)
        clear(self.own_bucket, *(() if self.login is None else (_user_bucket(user_id),)))

    def is_new_lockout(self) -> bool:
        """Return whether a refused attempt found the login locked, True once per `PERIOD`."""
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
    """Return the buckets of an attempt.

    An attempt counts on the login as typed, whether it exists or not, and then on its account: see
    `LogInAttempt.count_on_account`. An attempt from a known device of the account counts on that
    device only, so other clients can neither lock it out nor use up its attempts. The account is
    looked up only for a valid device token.
    """
    user = get_by_login(login) if device else None
    if device and user and device.belongs_to(user):
        return LogInAttempt(_device_bucket(device.id))
    per_network = Limit("log_in.network", settings.LOG_INS_PER_ADDRESS, PERIOD)
    overall = Limit("log_in.overall", settings.LOG_INS_OVERALL, MINUTE)
    shared = (network_bucket(per_network, actor), Bucket(overall, "all"))
    return LogInAttempt(_login_bucket(login), shared, login)


def unlock(user: User, *, device_id: UUID | None = None) -> None:
    """Clear failed attempts to log in as the user.

    The attempts by all of the user's logins, and from the device.
    """
    devices = [_device_bucket(device_id)] if device_id else []
    secondary = user.email_addresses.values_list("email", flat=True)
    clear(*user_buckets(user.pk, (user.username, user.email, *secondary)), *devices)


def user_buckets(user_id: UUID, logins: Iterable[str]) -> list[Bucket]:
    """Return the buckets of a user's logins and account, without those of devices."""
    by_login = (_login_bucket, _unknown_login_bucket, _lockout_bucket)
    return [_user_bucket(user_id), *(each(login) for login in logins for each in by_login)]


def count_code(user_id: UUID) -> None:
    """Count an attempt at a code of the user. Raises `TooManyAttemptsError`."""
    attempt(*second_factor_buckets(user_id))


def clear_codes(user_id: UUID) -> None:
    """Clear the short-term bucket after a valid code, and refund the daily one.

    The daily bucket is not cleared: an attacker would get new attempts whenever the owner signs
    in.
    """
    short_term, daily = second_factor_buckets(user_id)
    clear(short_term)
    refund(daily)


def count_passkey(actor: Actor) -> None:
    """Count a passkey challenge or response of the network: each one writes a row.

    Raises `TooManyAttemptsError`.
    """
    attempt(_passkey_bucket(actor))


def refund_passkey(actor: Actor) -> None:
    """Refund a challenge and its valid response."""
    for _attempt in range(2):
        refund(_passkey_bucket(actor))


def second_factor_buckets(user_id: UUID) -> tuple[Bucket, ...]:
    """Return the short-term and the daily bucket of the user's codes."""
    limits = (CODES_PER_USER, CODES_PER_USER_DAILY)
    return tuple(Bucket(limit, str(user_id)) for limit in limits)


def _passkey_bucket(actor: Actor) -> Bucket:
    return network_bucket(Limit("passkey.network", settings.LOG_INS_PER_ADDRESS, PERIOD), actor)


def _device_bucket(device_id: UUID) -> Bucket:
    limit = Limit("log_in.device", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, str(device_id))


def _login_bucket(login: str) -> Bucket:
    limit = Limit("log_in.login", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical_login(login))


def _account_bucket(user_id: UUID | None, login: str) -> Bucket:
    return _unknown_login_bucket(login) if user_id is None else _user_bucket(user_id)


def _user_bucket(user_id: UUID) -> Bucket:
    limit = Limit("log_in.user", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, str(user_id))


def _unknown_login_bucket(login: str) -> Bucket:
    """Return the bucket of an unknown login, which limits like `_user_bucket`."""
    limit = Limit("log_in.unknown", settings.LOG_INS_PER_ACCOUNT, PERIOD)
    return Bucket(limit, canonical_login(login))


def _lockout_bucket(login: str) -> Bucket:
    return Bucket(LOCKOUT_NOTICES, canonical_login(login))
