"""The life of a few accounts, its steps skipped, repeated and swapped, against a model.

Hypothesis draws the steps, which go over HTTP to the service on real PostgreSQL and Redis.
After each, the tables, the audit trail and the answers to every access token ever given out
must be as `tests.authentication.identity.model` says.

Each seed draws its own lives, and the same ones every time. After a change to these flows, or
to the machine, draw more of them:

    IDENTITY_MACHINE_SEEDS=500 make test ARGS=tests/authentication/test_identity_machine.py

Time passes by ageing rows. Access tokens alone do not age, as their end is in no row; nor do
throttles, which have tests of their own and would stop the machine after a few attempts.
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
from tests.authentication.identity.state import Person, Tokens
from tests.authentication.identity.steps import Steps
from tests.support.factories import PASSWORD, make_session, make_user
from users.authentication.sessions.access_tokens import issue_access_token

SEEDS: Final = int(os.environ.get("IDENTITY_MACHINE_SEEDS", "6"))

# All of them whole minutes, so that what the model calls past or to come is so by a minute at
# least, and a life takes less than that.
GRACE: Final = dt.timedelta(minutes=5)
MAX_AGE: Final = dt.timedelta(days=35)
MINUTES: Final = (6, 61, 25 * 60, 20 * 24 * 60, 31 * 24 * 60)
# What a life is about, as names of steps and minutes that pass at once: everything, or what
# takes many steps that belong together.
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
    """Clients who do anything, in any order, with all they were ever given."""

    # Of the steps that a life is about; none if it is about all.
    names: str

    @initialize(theme=st.sampled_from(THEMES))
    def make_people(self, theme: tuple[str, tuple[int, ...]]) -> None:
        """Alice is signed in, Bob has an account, Root administers."""
        self.names, self.minutes = theme
        for name in ("alice", "bob", "root"):
            user = make_user(name, is_staff=name == "root", is_superuser=name == "root")
            person = Person(name, user.email, PASSWORD, administers=user.is_superuser, id=user.pk)
            self.world.people.append(person)
        ends = dt.timedelta(days=10_000)
        session = make_session(user, days=ends.days)
        self.root = Tokens(0, issue_access_token(session), "", session.pk)
        self.world.begin(person, self.root).ends = ends
        self.log_in("alice", "right")

    @rule(step=from_machine(lambda m: m.possible_steps()).flatmap(lambda drawn: drawn))
    def take(self, step: Step) -> None:
        """Take one step.

        They are not rules themselves, because of those Hypothesis leaves out any half in each
        life, and few would have what belongs together.
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
    # Not each refused access token, of thousands.
    caplog.set_level(logging.ERROR, "django.request")
    # Longer than a life takes on any machine, so that only let_time_pass ends it.
    settings.REFRESH_GRACE = GRACE
    # Short enough for lives to see it.
    settings.SESSION_MAX_AGE = MAX_AGE
    run_state_machine_as_test(
        hypothesis.seed(seed)(IdentityMachine),
        settings=hypothesis.settings(
            # Having drawn ten, Hypothesis would rather vary those than draw others.
            max_examples=10,
            stateful_step_count=30,
            database=None,
            deadline=None,
        ),
    )
