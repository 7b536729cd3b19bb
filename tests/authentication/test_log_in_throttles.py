"""Rate limits for log-in attempts, which are counted before any lookup."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from core.dev.ports import free_port
from core.ratelimit.models import StoredBucket
from tests.accounts.test_email_addresses import give_address
from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_user
from tests.support.signing_in import (
    REFUSED,
    THROTTLED,
    CountingHasher,
    attempt,
    lock_out,
    log_in,
    tags,
)
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session
from users.authentication.throttling import unlock

Capture = Callable[[], AbstractContextManager[Statements]]

PER_ACCOUNT = 4


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.LOG_INS_PER_ACCOUNT = PER_ACCOUNT
    CountingHasher.install(settings)


def is_locked(login: str = "alice") -> bool:
    return attempt(login).codes == THROTTLED


# Per account -----------------------------------------------------------------------------


def test_attempts_over_the_limit_are_not_checked(alice: User) -> None:
    CountingHasher.runs = 0
    for _ in range(PER_ACCOUNT):
        assert attempt().problems == REFUSED
    assert CountingHasher.runs == PER_ACCOUNT
    for _ in range(3):
        answer = attempt(password=PASSWORD)
        assert (answer.status, answer.codes, answer.body["data"]) == (200, THROTTLED, None)
        (error,) = answer.body["errors"]
        # Less the time of this test.
        assert 0 < error["extensions"]["retryAfter"] <= 15 * 60 / PER_ACCOUNT
    assert CountingHasher.runs == PER_ACCOUNT
    assert not Session.objects.exists()
    assert tags() == [Tag.LOG_IN_REFUSED] * PER_ACCOUNT + [Tag.LOG_IN_THROTTLED]
    assert Event.objects.latest("pk").subject_id == alice.pk


def alike(answer: Answer) -> tuple[Any, ...]:
    """Return what must not depend on the account."""
    # The seconds to wait pass during the test.
    body = re.sub(r'"retryAfter": \d+', "", json.dumps(answer.body))
    return body, {k: v for k, v in answer.headers.items() if k != "Content-Length"}


def test_known_and_unknown_accounts_are_throttled_alike(alice: User, statements: Capture) -> None:
    answers, work = [], []
    for login in ("alice", "unknown", "alice@example.org", "unknown@example.org"):
        CountingHasher.runs = 0
        for _ in range(PER_ACCOUNT + 2):
            with statements() as captured:
                answers.append(attempt(login))
            work.append([" ".join(sql.split()[:3]).partition('"s')[0] for sql in captured])
        assert CountingHasher.runs == PER_ACCOUNT
    first = PER_ACCOUNT + 2
    for start in range(0, len(answers), first):
        for one, other in zip(answers[:first], answers[start : start + first], strict=True):
            assert alike(one) == alike(other)
        assert work[start : start + first] == work[:first]
    # The attempt that locked the account records an event; the others write nothing.
    assert [bool(each) for each in work[PER_ACCOUNT:first]] == [True, False]
    throttled = Event.objects.filter(tag=Tag.LOG_IN_THROTTLED).order_by("pk")
    subjects = list(throttled.values_list("subject_id", flat=True))
    assert subjects == [alice.pk, None, alice.pk, None]


@pytest.mark.parametrize(
    "variants",
    [
        ("josé", "JOSÉ", " jose\N{COMBINING ACUTE ACCENT} ", "jose", "\uff2aOSE"),
        ("jose@example.org", "José@example.org", "JOSE@EXAMPLE.ORG", "jose@example.org "),
    ],
    ids=["username", "e-mail"],
)
def test_variants_of_a_login_share_a_bucket(db: None, variants: tuple[str, ...]) -> None:
    make_user("josé", email="jose@example.org")
    CountingHasher.runs = 0
    for n in range(PER_ACCOUNT):
        assert attempt(variants[n % len(variants)]).problems == REFUSED
    assert all(is_locked(variant) for variant in variants)
    assert CountingHasher.runs == PER_ACCOUNT


# The account behind the logins -----------------------------------------------------------

LOGINS = ("alice", "alice@example.org", "alice@example.net")


@pytest.fixture
def alices_logins(alice: User) -> tuple[str, ...]:
    give_address(alice)
    return LOGINS


def outcomes(logins: tuple[str, ...], statements: Capture, rounds: int) -> list[Any]:
    """Try the logins in turn; return everything that an attacker can observe."""
    seen = []
    for _ in range(rounds):
        for login in logins:
            CountingHasher.runs = 0
            with statements() as captured:
                answer = attempt(login)
            work = [" ".join(sql.split()[:3]).partition('"s')[0] for sql in captured]
            seen.append((answer.body, answer.headers, CountingHasher.runs, work))
    return seen


def test_logins_of_an_account_share_its_attempts(alices_logins: tuple[str, ...]) -> None:
    for login in (alices_logins * PER_ACCOUNT)[:PER_ACCOUNT]:
        assert attempt(login).problems == REFUSED
    # No login reached its limit, and the correct password is refused.
    for login in alices_logins:
        assert attempt(login, PASSWORD).problems == REFUSED
    assert not Session.objects.exists()
    events = Event.objects.filter(tag=Tag.LOG_IN_REFUSED).order_by("pk")
    details = list(events.values_list("data", flat=True))
    assert details == [{}] * PER_ACCOUNT + [{"throttled": True}] * len(alices_logins)


def test_shared_account_is_not_revealed(
    alices_logins: tuple[str, ...], statements: Capture
) -> None:
    strangers = ("unknown", "unknown@example.org", "unknown@example.net")
    rounds = PER_ACCOUNT + 2
    known = outcomes(alices_logins, statements, rounds)
    assert known == outcomes(strangers, statements, rounds)
    # Each login allows as many attempts as if it were the only one.
    assert [runs for _body, _headers, runs, _work in known] == [1] * 3 * PER_ACCOUNT + [0] * 6


def test_locked_username_does_not_reveal_the_address(
    alices_logins: tuple[str, ...], statements: Capture
) -> None:
    lock_out("alice")
    lock_out("unknown")
    for known, unknown in zip(alices_logins[1:], ("a@example.org", "b@example.org"), strict=True):
        assert outcomes((known,), statements, 6) == outcomes((unknown,), statements, 6)


def test_known_device_signs_in_despite_a_locked_account(alices_logins: tuple[str, ...]) -> None:
    device = log_in()["deviceToken"]
    for login in alices_logins:
        lock_out(login)
    assert attempt("alice", PASSWORD, device).problems == []
    assert attempt("alice", PASSWORD).codes == THROTTLED


def test_success_by_one_login_empties_the_accounts_bucket(alices_logins: tuple[str, ...]) -> None:
    by_name, by_address, further = alices_logins
    for login in (by_address, further, by_address):
        assert attempt(login).problems == REFUSED
    assert attempt(by_name, PASSWORD).problems == []
    for _ in range(PER_ACCOUNT - 1):
        assert attempt(by_name).problems == REFUSED
    assert attempt(by_name, PASSWORD).problems == []


def test_unlocking_empties_it_for_all_logins(alices_logins: tuple[str, ...]) -> None:
    for login in alices_logins:
        lock_out(login)
    unlock(User.objects.get())
    for login in alices_logins:
        assert attempt(login, PASSWORD).problems == []


def test_new_address_adds_no_attempts(alice: User) -> None:
    for _ in range(PER_ACCOUNT):
        assert attempt("alice").problems == REFUSED
    give_address(alice)
    assert attempt("alice@example.net", PASSWORD).problems == REFUSED


def test_unknown_login_does_not_reach_an_accounts_bucket(alice: User) -> None:
    """A typed login may look like the key of another account's bucket."""
    for _ in range(PER_ACCOUNT):
        assert attempt(str(alice.pk)).problems == REFUSED
    assert attempt("alice", PASSWORD).problems == []


def test_one_account_does_not_lock_another(alice: User, bob: User) -> None:
    lock_out("alice")
    assert attempt("bob", PASSWORD).problems == []


def test_success_clears_the_failures(alice: User, settings: Any) -> None:
    # Failures still count for the network; only successes are refunded.
    settings.LOG_INS_PER_ADDRESS = 3 * (PER_ACCOUNT - 1) + 1
    for _ in range(3):
        for _ in range(PER_ACCOUNT - 1):
            assert attempt().problems == REFUSED
        assert attempt(password=PASSWORD).problems == []
    assert attempt("bob").problems == REFUSED
    assert attempt("bob").codes == THROTTLED


def test_success_is_refunded_in_all_buckets(alice: User, settings: Any) -> None:
    settings.LOG_INS_PER_ADDRESS = settings.LOG_INS_OVERALL = 1
    for _ in range(3):
        assert attempt(password=PASSWORD).problems == []
    assert attempt("bob").problems == REFUSED
    assert attempt(password=PASSWORD).codes == THROTTLED


# Bypasses --------------------------------------------------------------------------------


def test_aliases_and_documents_do_not_multiply_attempts(alice: User) -> None:
    CountingHasher.runs = 0
    fields = "logIn(input: {login: $login, password: $password}) { errors { code } }"
    aliases = " ".join(f"a{n}: {fields}" for n in range(10))
    document = f"mutation ($login: String!, $password: String!) {{ {aliases} }}"
    for _ in range(3):
        answer = GraphQLClient()(document, login="alice", password="wrong")
        assert set(answer.codes) == set(THROTTLED)
        assert answer.body["data"] is None
    assert CountingHasher.runs == PER_ACCOUNT


def test_concurrent_attempts_are_counted(transactional_db: None) -> None:
    make_user("alice")
    CountingHasher.runs = 0
    answers = run_concurrently(*[attempt] * 50)
    throttled = [answer for answer in answers if "errors" in answer.body]
    assert CountingHasher.runs == PER_ACCOUNT
    assert len(throttled) == 50 - PER_ACCOUNT
    assert all(answer.codes == THROTTLED for answer in throttled)
    assert sorted(tags()) == [Tag.LOG_IN_REFUSED] * PER_ACCOUNT + [Tag.LOG_IN_THROTTLED]


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"


def test_limit_holds_without_redis(alice: User, no_redis: None) -> None:
    for _ in range(2):
        assert attempt(password=PASSWORD).problems == []
        assert attempt().problems == REFUSED
        unlock(alice)
    lock_out()
    assert is_locked()
    assert StoredBucket.objects.exists()
    assert tags().count(Tag.LOG_IN_THROTTLED) == 1


def test_concurrent_attempts_are_counted_without_redis(
    transactional_db: None, no_redis: None
) -> None:
    make_user("alice")
    CountingHasher.runs = 0
    answers = run_concurrently(*[attempt] * 50)
    assert CountingHasher.runs == PER_ACCOUNT
    assert sum(answer.codes == THROTTLED for answer in answers) == 50 - PER_ACCOUNT
    assert sorted(tags()) == [Tag.LOG_IN_REFUSED] * PER_ACCOUNT + [Tag.LOG_IN_THROTTLED]


# Per network and overall -----------------------------------------------------------------


def test_network_is_limited_whatever_accounts_it_tries(alice: User, settings: Any) -> None:
    CountingHasher.runs = 0
    settings.LOG_INS_PER_ADDRESS = 3
    for n in range(3):
        assert attempt(f"unknown-{n}", REMOTE_ADDR="192.0.2.1").problems == REFUSED
    assert attempt("unknown-3", REMOTE_ADDR="192.0.2.1").codes == THROTTLED
    assert attempt("unknown-3", REMOTE_ADDR="192.0.2.2").problems == REFUSED
    assert CountingHasher.runs == 4
    # No account is locked, so no event is recorded.
    assert tags() == [Tag.LOG_IN_REFUSED] * 4


def test_network_that_is_refused_does_not_lock_the_account(alice: User, settings: Any) -> None:
    settings.LOG_INS_PER_ADDRESS = 1
    assert attempt("unknown", REMOTE_ADDR="192.0.2.1").problems == REFUSED
    for _ in range(3 * PER_ACCOUNT):
        assert attempt(REMOTE_ADDR="192.0.2.1").codes == THROTTLED
    assert attempt(password=PASSWORD, REMOTE_ADDR="192.0.2.2").problems == []


def test_ipv6_network_is_a_64(db: None, settings: Any) -> None:
    settings.LOG_INS_PER_ADDRESS = 3
    same = ["2001:db8::1", "2001:db8::ffff:0:0:2", "2001:db8:0:0:abcd::"]
    for n, address in enumerate(same):
        assert attempt(f"unknown-{n}", REMOTE_ADDR=address).problems == REFUSED
    assert attempt("unknown", REMOTE_ADDR="2001:db8::dead:beef").codes == THROTTLED
    assert attempt("unknown", REMOTE_ADDR="2001:db8:0:1::1").problems == REFUSED


@pytest.mark.parametrize("proxies", [0, 1, 2])
def test_forwarded_addresses_are_read_from_trusted_proxies_only(
    db: None, settings: Any, proxies: int
) -> None:
    settings.LOG_INS_PER_ADDRESS = 3
    settings.TRUSTED_PROXIES = proxies

    def from_address(spoofed: str, client: str, n: int) -> Answer:
        """Send a request from ``client`` with a spoofed address, through two proxies."""
        seen = [spoofed, client, "10.0.0.1", "10.0.0.2"]
        chain = {0: [spoofed], 1: [spoofed, client], 2: [spoofed, client, "10.0.0.1"]}[proxies]
        return attempt(
            f"unknown-{n}",
            REMOTE_ADDR=seen[proxies + 1],
            HTTP_X_FORWARDED_FOR=", ".join(chain),
        )

    for n in range(3):
        assert from_address(f"203.0.113.{n}", "198.51.100.1", n).problems == REFUSED
    assert from_address("203.0.113.9", "198.51.100.1", 9).codes == THROTTLED
    assert from_address("203.0.113.9", "198.51.100.2", 9).problems == REFUSED


def test_overall_attempts_are_limited(alice: User, settings: Any) -> None:
    settings.LOG_INS_OVERALL = 3
    for n in range(3):
        assert attempt(f"unknown-{n}", REMOTE_ADDR=f"192.0.2.{n}").problems == REFUSED
    answer = attempt("alice", PASSWORD, REMOTE_ADDR="192.0.2.9")
    assert answer.codes == THROTTLED
    assert 0 < answer.body["errors"][0]["extensions"]["retryAfter"] <= 20
    assert tags() == [Tag.LOG_IN_REFUSED] * 3
