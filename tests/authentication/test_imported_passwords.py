"""Imported password hashes: the first log-in replaces them."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bcrypt
import pytest
from django.contrib.auth.hashers import check_password

from core.security import hashers
from core.security.foreign_hashes import to_stored_hash
from core.security.hashers import Argon2idHasher, BcryptHasher
from tests.core.test_foreign_hashes import (
    FIREBASE,
    FIREBASE_HASH,
    FIREBASE_SALT,
    VECTORS,
)
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_user, make_users
from tests.support.signing_in import LOG_IN, attempt, log_in, tags
from users.accounts.models import User
from users.accounts.services.lookup import get_decoy
from users.accounts.services.reauthentication import verify_password
from users.accounts.services.stored_passwords import check_stored_password
from users.activity.tags import Tag

IMPORTED = to_stored_hash(bcrypt.hashpw(b"an old password", bcrypt.gensalt(4)).decode())
CHANGE_PASSWORD = """
    mutation ($old: String!, $new: String!) {
      changePassword(input: {currentPassword: $old, newPassword: $new}) { errors { code field } }
    }
"""


def give_password(user: User, stored: str) -> None:
    User.objects.filter(pk=user.pk).update(password=stored)


def stored_password(user: User) -> str:
    return User.objects.values_list("password", flat=True).get(pk=user.pk)


@pytest.mark.parametrize(("text", "password"), VECTORS.values(), ids=VECTORS)
def test_first_log_in_replaces_the_hash(alice: User, text: str, password: str) -> None:
    imported = to_stored_hash(text)
    give_password(alice, imported)
    assert log_in(password="another password")["user"] is None
    assert stored_password(alice) == imported

    assert log_in(password=password)["errors"] == []
    replaced = stored_password(alice)
    assert replaced.startswith("argon2$argon2id$v=19$m=8,t=1,p=1$")
    assert check_password(password, replaced)

    assert log_in(password=password)["errors"] == []
    assert stored_password(alice) == replaced
    assert tags() == [Tag.LOG_IN_REFUSED, Tag.LOGGED_IN, Tag.LOGGED_IN]


def test_first_log_in_replaces_a_hash_of_firebase(alice: User, settings: Any) -> None:
    settings.FIREBASE_SCRYPT = FIREBASE
    give_password(alice, to_stored_hash(FIREBASE_HASH, salt=FIREBASE_SALT))
    assert log_in(password="user1password")["errors"] == []
    settings.FIREBASE_SCRYPT = {}
    assert log_in(password="user1password")["errors"] == []


def test_new_passwords_obey_the_rules(alice: User, client_of: Any) -> None:
    give_password(alice, IMPORTED)
    client: GraphQLClient = client_of(alice)
    answer = client(CHANGE_PASSWORD, old="an old password", new="too short")
    assert answer.problems == [("PASSWORD_TOO_WEAK", "newPassword")]
    answer = client(CHANGE_PASSWORD, old="an old password", new="a new and longer password")
    assert answer.problems == []
    assert log_in(password="a new and longer password")["errors"] == []


def test_concurrent_first_log_ins_all_succeed(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    give_password(alice, IMPORTED)
    other = User.objects.get(pk=alice.pk)
    verify = BcryptHasher.verify

    def verify_after_another(self: BcryptHasher, password: str, encoded: str) -> bool:
        monkeypatch.undo()
        assert verify_password(other, password)
        return verify(self, password, encoded)

    monkeypatch.setattr(BcryptHasher, "verify", verify_after_another)
    assert log_in(password="an old password")["errors"] == []
    assert stored_password(alice) == other.password


def test_costly_hashes_occupy_few_threads(
    alice: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.WEB_THREADS = 4
    half = 2
    bob = make_user("bob")
    give_password(alice, IMPORTED)
    verify, started, go_on = BcryptHasher.verify, threading.Semaphore(0), threading.Event()

    def verify_later(self: BcryptHasher, password: str, encoded: str) -> bool:
        started.release()
        assert go_on.wait(20)
        return verify(self, password, encoded)

    monkeypatch.setattr(BcryptHasher, "verify", verify_later)
    with ThreadPoolExecutor(half) as pool:
        waiting = [
            pool.submit(check_stored_password, "an old password", IMPORTED)
            for _number in range(half)
        ]
        for _number in range(half):
            assert started.acquire(timeout=20)
        # More often than an account may be tried.
        for _number in range(2 * settings.LOG_INS_PER_ACCOUNT):
            assert attempt(alice.username, "an old password").codes == ["SERVICE_BUSY"]
        assert log_in(bob.username)["errors"] == []
        go_on.set()
        assert all(each.result() for each in waiting)
    assert log_in(password="an old password")["errors"] == []


def test_change_of_password_is_not_overtaken_by_the_first_log_in(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_password(alice, IMPORTED)
    changed = Argon2idHasher().encode("a new password", "some salt")
    verify = BcryptHasher.verify

    def verify_after_change(self: BcryptHasher, password: str, encoded: str) -> bool:
        give_password(alice, changed)
        return verify(self, password, encoded)

    monkeypatch.setattr(BcryptHasher, "verify", verify_after_change)
    assert log_in(password="an old password")["user"] is None
    assert stored_password(alice) == changed


# Unknown logins --------------------------------------------------------------------------


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the hashes that log-ins verify, by algorithm."""
    counts: Counter[str] = Counter()
    for hasher in (Argon2idHasher, BcryptHasher):

        def verify(self: Any, password: str, encoded: str, original: Any = hasher.verify) -> bool:
            counts[self.algorithm] += 1
            return bool(original(self, password, encoded))

        monkeypatch.setattr(hasher, "verify", verify)
    return counts


def test_unknown_logins_verify_hashes_of_the_kinds_that_users_have(
    db: None, verified: Counter[str]
) -> None:
    users = make_users(f"{letter}user" for letter in "abcdefghijklmnopqrstuvwxyz")
    User.objects.filter(pk__in=[user.pk for user in users[::2]]).update(password=IMPORTED)
    for number in range(40):
        assert attempt(f"unknown{number}").data["logIn"]["user"] is None
    assert verified["bcrypt"] >= 8
    assert verified["argon2"] >= 8
    assert User.objects.filter(password=IMPORTED).count() == 13


def test_unknown_login_keeps_its_decoy(db: None) -> None:
    make_users(f"{letter}user" for letter in "abcdefghijklmnopqrstuvwxyz")
    decoys = [get_decoy(login) for login in ("unknown", "UNKNOWN ", "unknown")]
    assert decoys[0] is not None
    assert len({decoy.pk for decoy in decoys if decoy}) == 1


def test_decoys_password_opens_nothing(alice: User) -> None:
    decoy = make_user("zoe", email="zz@example.org")
    give_password(alice, IMPORTED)
    give_password(decoy, IMPORTED)
    for number in range(5):
        assert log_in(f"unknown{number}", "an old password")["user"] is None
    assert stored_password(decoy) == IMPORTED


def test_one_thread_at_a_time_takes_the_memory_of_an_imported_hash(settings: Any) -> None:
    settings.ARGON2_MEMORY_KIB = 8
    stored = to_stored_hash(
        "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG"
    )
    results: list[bool] = []
    with hashers.large_memory:
        thread = threading.Thread(target=lambda: results.append(check_password("password", stored)))
        thread.start()
        # Ours need less, and do not wait.
        assert check_password(PASSWORD, Argon2idHasher().encode(PASSWORD, "some salt"))
        assert thread.is_alive()
        assert results == []
    thread.join()
    assert results == [True]


def test_known_and_unknown_logins_look_up_alike(alice: User, statements: Any) -> None:
    give_password(alice, IMPORTED)
    work = []
    for login in ("alice", "unknown"):
        with statements() as captured:
            GraphQLClient()(LOG_IN, login=login, password="wrong")
        work.append([sql.split()[0] for sql in captured])
    assert work[0] == work[1]
