"""Invariants: the tables, the audit trail and the responses match the model."""

from functools import lru_cache
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine, invariant
from redis import Redis

from core.security.crypto import digest
from tests.authentication.identity.model import World
from tests.authentication.identity.sessions import UNAUTHENTICATED
from tests.authentication.identity.state import Problems, Session
from tests.authentication.identity.tables import Rows, rows
from tests.support.client import Answer, GraphQLClient
from users.activity.models import Event
from users.authentication.factors.one_time_codes import recovery_digest

ME: Final = "{ me { username email } }"

# Constant, for reproducible runs.
is_password = lru_cache(maxsize=None)(check_password)


class CheckedMachine(RuleBasedStateMachine):
    """A state machine whose model is compared with the service after each step."""

    def __init__(self) -> None:
        super().__init__()
        # Events are append-only, so each run is rolled back. A bare savepoint is not an atomic
        # block, so the services' durable blocks still nest directly in the test's.
        self.savepoint = transaction.savepoint()
        self.redis = Redis.from_url(settings.REDIS_URL)
        self.world = World()
        self.rows: Rows = {}
        self.steps = 0
        self.client = GraphQLClient()
        self.asked: list[Session] = []

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)
        self.redis.flushdb()
        self.redis.close()

    @invariant()
    def world_is_as_modelled(self) -> None:
        self._forget_attempts()
        before, self.rows = self.rows, rows()
        self._check_accounts()
        self._check_sessions()
        self._check_factors()
        self._check_links()
        self._check_events()
        self._check_access_tokens(is_changed=self.rows != before)

    def _forget_attempts(self) -> None:
        attempts = list(self.redis.scan_iter("roster:attempts:*", count=1_000))
        if attempts:
            self.redis.delete(*attempts)

    def _check_accounts(self) -> None:
        found = {row["username"]: row for row in self.rows["User"]}
        assert sorted(found) == sorted(account.username for account in self.world.accounts)
        assert len(self.rows["User"]) == len(self.rows["Profile"]) == len(self.world.accounts)
        assert len({row["email"] for row in found.values()}) == len(found)
        for account in self.world.accounts:
            row = found[account.username]
            account.id = account.id or UUID(row["id"])
            assert (row["id"], row["email"]) == (str(account.id), account.email)
            assert (row["is_active"], row["is_superuser"]) == (
                account.is_active,
                account.administers,
            )
            assert row["second_factors"] == (["totp"] if account.has_factor else [])
            assert (row["email_verified_at"] is not None) == account.is_verified
            for password in {account.password, *account.former_passwords} - {None}:
                assert is_password(password, row["password"]) == (password == account.password)

    def _check_sessions(self) -> None:
        found = sorted((row["id"], row["user_id"], row["aal"]) for row in self.rows["Session"])
        assert found == sorted(
            (str(each.id), str(each.account.id), 1 if each.factor_proved is None else 2)
            for each in self.world.sessions
        )
        kept = {
            f"\\x{digest(secret).hex()}": (str(token.session.id), token.used is not None)
            for secret, token in self.world.refresh_tokens.items()
            if token.session in self.world.sessions
        }
        assert kept == {
            row["digest"]: (row["session_id"], row["used_at"] is not None)
            for row in self.rows["RefreshToken"]
        }
        unused = [session_id for session_id, is_used in kept.values() if not is_used]
        assert len(unused) == len(set(unused))

    def _check_factors(self) -> None:
        having = {str(account.id) for account in self.world.accounts if account.has_factor}
        assert {row["user_id"] for row in self.rows["Totp"]} == having
        unused = {row["digest"] for row in self.rows["RecoveryCode"] if row["used_at"] is None}
        codes = [code for account in self.world.accounts for code in account.codes]
        assert unused == {f"\\x{recovery_digest(code).hex()}" for code in codes}
        waiting = {f"\\x{digest(token).hex()}" for token in self.world.pending_log_ins}
        assert {row["digest"] for row in self.rows["PendingLogIn"]} == waiting

    def _check_links(self) -> None:
        for kind, links in {
            "SignUp": self.world.sign_ups,
            "EmailChange": self.world.email_changes,
            "PasswordReset": self.world.resets,
        }.items():
            found = self.rows[kind]
            assert sorted(
                (row["nonce"], row["email"], row.get("username", ""), row.get("user_id"))
                for row in found
            ) == sorted(
                (str(x.id), x.email, x.username, str(x.account.id) if x.account else None)
                for x in links
            )
        suspended = sorted(str(account.id) for account in self.world.suspensions)
        assert sorted(row["user_id"] for row in self.rows["Suspension"]) == suspended

    def _check_events(self) -> None:
        """Compare all events with the model's, in order; events are append-only."""
        found = Event.objects.order_by("pk").values_list("tag", "subject_id")
        assert list(found) == [(tag, it.id if it else None) for tag, it in self.world.events]

    def _check_access_tokens(self, *, is_changed: bool) -> None:
        """Send a request with one token per current or just ended session; sometimes with all.

        After a step that changed no row, one request is enough.
        """
        given = self.world.access_tokens
        newest = {session: access for access, session in given.items()}
        due = [newest[each] for each in dict.fromkeys((*self.asked, *self.world.sessions))]
        if self.steps % 10 == 0:
            due = list(given)
        elif not is_changed:
            due = list(given)[-1:]
        self.asked = self.world.sessions
        self.steps += 1
        for self.client.token in due:
            answer, session = self.client(ME), given[self.client.token]
            if self.world.is_alive(session):
                account = {"username": session.account.username, "email": session.account.email}
                assert answer.data == {"me": account}
            else:
                assert (answer.status, problems_of(answer)) == (401, UNAUTHENTICATED)


def problems_of(answer: Answer) -> Problems:
    return [(code, "") for code in answer.codes] or answer.problems
