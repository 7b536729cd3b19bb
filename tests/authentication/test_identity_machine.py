"""Stateful test: random steps on a few accounts, compared with a model.

Hypothesis draws the steps, which are sent over HTTP to the service with real PostgreSQL and Redis.
After each step the tables, the audit trail and the responses to every issued access token must
match `tests.authentication.identity.model`.

Each seed is reproducible. After a change to these flows or to the machine, run more seeds:

    IDENTITY_MACHINE_SEEDS=500 make test ARGS=tests/authentication/test_identity_machine.py

Time passes by ageing rows. Access tokens do not age, because their expiry is not stored in a row.
Rate limits do not age either: they have tests of their own, and would stop the machine after a few
attempts.
"""

import datetime as dt
import logging
import os
from typing import Any, Final

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.authentication.identity.drawing import STEPS, Step, from_machine
from tests.authentication.identity.state import Account, Tokens
from tests.authentication.identity.steps import Steps
from tests.support.factories import PASSWORD, make_session, make_user
from users.authentication.sessions.access_tokens import issue_access_token

SEEDS: Final = int(os.environ.get("IDENTITY_MACHINE_SEEDS", "6"))

# Whole minutes, so that each expiry is at least a minute away from the current time of the model; a
# run takes less than a minute.
GRACE: Final = dt.timedelta(minutes=5)
MAX_AGE: Final = dt.timedelta(days=35)
MINUTES: Final = (6, 61, 25 * 60, 20 * 24 * 60, 31 * 24 * 60)
# Themes of a run, as names of steps and minutes that may pass: all steps, or a group of related
# steps that needs many repetitions.
ALL: Final = ("", MINUTES)
LINKS: Final = "sign_up request_reset request_email_change use_link claim_sign_up change_username"
PASSWORDS: Final = "request_reset use_link change_password require_reset suspend reactivate"
FACTORS: Final = (
    "set_up_totp second_step reauthenticate remove_totp reset_factors change_password leave "
    "refresh request_reset use_link"
)
SESSIONS: Final = "refresh leave revoke_session change_password suspend reactivate"
THEMES: Final = (
    *(ALL, (LINKS, MINUTES[1:3]), ALL, (FACTORS, MINUTES[:2])),
    *((SESSIONS, (MINUTES[0], *MINUTES[3:])), (PASSWORDS, MINUTES[1:3])),
)


class IdentityMachine(Steps):
    """Clients that take any step, in any order, with every secret they received."""

    # The steps of the run's theme; empty for all steps.
    names: str

    @initialize(theme=st.sampled_from(THEMES))
    def make_accounts(self, theme: tuple[str, tuple[int, ...]]) -> None:
        """Alice is signed in, Bob has an account, Root administers."""
        self.names, self.minutes = theme
        for name in ("alice", "bob", "root"):
            user = make_user(name, is_staff=name == "root", is_superuser=name == "root")
            account = Account(name, user.email, PASSWORD, administers=user.is_superuser, id=user.pk)
            self.world.accounts.append(account)
        ends = dt.timedelta(days=10_000)
        session = make_session(user, days=ends.days)
        self.root = Tokens(0, issue_access_token(session), "", session.pk)
        self.world.begin(account, self.root).ends = ends
        self.log_in("alice", "right")

    @rule(step=from_machine(lambda m: m.possible_steps()).flatmap(lambda drawn: drawn))
    def take(self, step: Step) -> None:
        """Take one step.

        Steps are not Hypothesis rules: swarm testing disables a random half of the rules in each
        run, so that few runs would have all related steps.
        """
        name, arguments = step
        getattr(self, name)(**arguments)

    def possible_steps(self) -> list[st.SearchStrategy[Step]]:
        names = [*self.names.split(), "log_in", "let_time_pass"] if self.names else STEPS
        return [drawn for name in names for drawn in STEPS[name]]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_service_behaves_like_the_model(
    db: None, settings: Any, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    # Refused access tokens would log thousands of lines.
    caplog.set_level(logging.ERROR, "django.request")
    # Longer than a run takes, so that only `let_time_pass` exceeds it.
    settings.REFRESH_GRACE = GRACE
    # Short enough to be exceeded in a run.
    settings.SESSION_MAX_AGE = MAX_AGE
    run_state_machine_as_test(
        hypothesis.seed(seed)(IdentityMachine),
        settings=hypothesis.settings(
            # After ten examples, Hypothesis would mutate these instead of drawing new ones.
            max_examples=10,
            stateful_step_count=30,
            database=None,
        ),
    )
