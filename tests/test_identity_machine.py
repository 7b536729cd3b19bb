"""The life of a few accounts, its steps skipped, repeated and swapped, against a model.

Hypothesis draws the steps, which go over HTTP to the service on real PostgreSQL and Redis.
After each, the tables, the audit trail and the answers to every access token ever given out
must be as `identity_model` says.

Each seed draws its own lives, and the same ones every time. After a change to these flows, or
to this file, draw more of them:

    IDENTITY_MACHINE_SEEDS=500 make test ARGS=tests/test_identity_machine.py

Time passes by ageing rows. Access tokens alone do not age, as their end is in no row; nor do
throttles, which have tests of their own and would stop the machine after a few attempts.
"""

import datetime as dt
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

import hypothesis
import jwt
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import check_password
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from core.crypto import digest
from tests import identity_model
from tests.client import Answer, GraphQLClient
from tests.factories import PASSWORD, make_session, make_user, node_id
from tests.identity_model import UNAUTHENTICATED, WEAK, Person, Problems, Tokens, World, canonical
from tests.signing_in import LOG_IN, LOG_OUT, REFRESH
from tests.test_email_change import CONFIRM
from tests.test_email_change import REQUEST as REQUEST_EMAIL_CHANGE
from tests.test_ending_sessions import EVERYWHERE, OTHERS, REVOKE
from tests.test_password_reset import RESET
from tests.test_password_reset_mail import REQUEST as REQUEST_RESET
from tests.test_passwords import CHANGE as CHANGE_PASSWORD
from tests.test_passwords import REQUIRE as REQUIRE_RESET
from tests.test_sign_up import SIGN_UP, VERIFY
from tests.test_suspension import REACTIVATE, REASON, SUSPEND
from tests.test_username import CHANGE as CHANGE_USERNAME
from users.accounts.models import EmailChange, Profile, SignUp, User
from users.accounts.tasks import prune_links
from users.activity.models import Event
from users.authentication import tasks
from users.authentication.models import PasswordReset, RefreshToken, Session, Suspension
from users.authentication.services.passwords import prepare_password_reset
from users.authentication.tokens import issue_access_token

SEEDS: Final = int(os.environ.get("IDENTITY_MACHINE_SEEDS", "6"))

ME: Final = "{ me { username email } }"
USERNAMES: Final = ("alice", "bob", "nina", "olga")
EMAILS: Final = tuple(f"{name}@example.org" for name in USERNAMES)
PHRASES: Final = (PASSWORD, "another phrase nobody would guess", "a third phrase of theirs")
WRONG: Final = "not the password"

# All of them whole minutes, so that what the model calls past or to come is so by a minute at
# least, and a life takes less than that.
GRACE: Final = dt.timedelta(minutes=5)
MAX_AGE: Final = dt.timedelta(days=35)
MINUTES: Final = (6, 61, 25 * 60, 20 * 24 * 60, 31 * 24 * 60)
AGEING: Final[dict[Any, tuple[str, ...]]] = {
    SignUp: ("expires_at",),
    EmailChange: ("expires_at",),
    PasswordReset: ("expires_at",),
    Session: ("created_at", "last_seen_at", "expires_at"),
    RefreshToken: ("created_at", "expires_at", "used_at"),
    Suspension: ("created_at", "until"),
}

Rows = dict[str, list[dict[str, Any]]]
# All that a refusal leaves alone. When a session was last seen is noted whatever it is used for.
ROWS: Final = " UNION ALL ".join(
    f"SELECT '{kind.__name__}', to_jsonb(row) - 'last_seen_at' FROM {kind._meta.db_table} row"  # noqa: S608, SLF001
    for kind in (User, Profile, *AGEING)
)

# The same every time.
is_password = lru_cache(maxsize=None)(check_password)


def of_machine(choices: Callable[[Any], Sequence[Any]]) -> st.SearchStrategy[Any]:
    """Draw what the machine knows of at the moment."""
    return st.runner().flatmap(lambda machine: st.sampled_from(choices(machine)))


def mostly(promising: st.SearchStrategy[Any], others: st.SearchStrategy[Any]) -> Any:
    """Draw what may lead somewhere, three times out of four."""
    return st.sampled_from((promising, promising, promising, others)).flatmap(lambda drawn: drawn)


def known(*names: str) -> st.SearchStrategy[str]:
    return of_machine(lambda m: [getattr(each, name) for each in m.others() for name in names])


phrases = st.sampled_from(PHRASES)
new_passwords = mostly(phrases, st.just(WEAK))
# What somebody enters who is asked for a password.
guesses = mostly(st.just("right"), st.sampled_from(("former", "wrong")))
usernames = st.sampled_from(USERNAMES)
people = mostly(known("username"), usernames)
emails = st.sampled_from((*EMAILS, " Nina@Example.ORG"))
logins = mostly(known("username", "email"), st.sampled_from((*USERNAMES, "Bob@example.org ")))
# What was given to clients, the last first.
tokens = mostly(of_machine(lambda m: m.live_tokens()), of_machine(lambda m: m.tokens[::-1]))
root = mostly(of_machine(lambda m: [m.root]), tokens)
mails = mostly(of_machine(lambda m: m.open_mails()), of_machine(lambda m: m.mails[::-1]))
purposes = mostly(st.none(), st.sampled_from(("verify", "reset", "confirm")))

M = TypeVar("M", bound=Callable[..., None])
# The name of a method and its arguments, by that name, as often as it is to be drawn.
STEPS: Final[dict[str, list[st.SearchStrategy[tuple[str, dict[str, Any]]]]]] = {}
# What a life is about, as names of steps and minutes that pass at once: everything, or what
# takes many steps that belong together.
ALL: Final = ("", MINUTES)
LINKS: Final = "sign_up request_reset request_email_change use_link change_username"
PASSWORDS: Final = "request_reset use_link change_password require_reset suspend reactivate"
SESSIONS: Final = "refresh leave revoke_session change_password suspend reactivate"
THEMES: Final = (
    *(ALL, (LINKS, MINUTES[1:3]), ALL),
    *((SESSIONS, (MINUTES[0], *MINUTES[3:])), (PASSWORDS, MINUTES[1:3])),
)


def step(weight: int = 1, /, **arguments: st.SearchStrategy[Any]) -> Callable[[M], M]:
    """Make a step of a method."""

    def register(method: M) -> M:
        drawn = st.tuples(st.just(method.__name__), st.fixed_dictionaries(arguments))
        STEPS[method.__name__] = [drawn] * weight
        return method

    return register


@dataclass(frozen=True)
class Mail:
    """A link that somebody got; there is one that nobody ever got."""

    number: int
    purpose: str
    token: str = field(repr=False)


class IdentityMachine(RuleBasedStateMachine):
    """Clients who do anything, in any order, with all they were ever given."""

    def __init__(self) -> None:
        super().__init__()
        # The service cannot delete events, so each life is rolled back. A bare savepoint is no
        # atomic block, so that services still find the test's around their own.
        self.savepoint = transaction.savepoint()
        self.redis = Redis.from_url(django_settings.REDIS_URL)
        self.world = World()
        self.rows: Rows = {}
        self.names = ""
        self.minutes: tuple[int, ...] = MINUTES
        self.steps = 0
        self.client = GraphQLClient()
        self.asked: list[identity_model.Session] = []
        self.root = Tokens(0, "", "", UUID(int=0))
        self.tokens: list[Tokens] = []
        self.mails = [Mail(0, "", "never:given-out")]

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)
        self.redis.flushdb()
        self.redis.close()

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

    @rule(step=of_machine(lambda m: m.possible_steps()).flatmap(lambda drawn: drawn))
    def take(self, step: tuple[str, dict[str, Any]]) -> None:
        """Take one step.

        They are not rules themselves, because of those Hypothesis leaves out any half in each
        life, and few would have what belongs together.
        """
        name, arguments = step
        getattr(self, name)(**arguments)

    # Sessions -----------------------------------------------------------------------------

    @step(3, tokens=tokens, is_repeated=st.booleans())
    def refresh(self, tokens: Tokens, *, is_repeated: bool) -> None:
        self._refresh(tokens.refresh)
        if is_repeated:
            self.world_is_as_modelled()
            self._refresh(tokens.refresh)

    @step(2, login=logins, guess=guesses)
    def log_in(self, login: str, guess: str) -> None:
        password = password_of(self.world.person(login), guess)
        answer = self._call(LOG_IN, login=login, password=password)
        given = self._received(answer)
        self._compare(answer, self.world.log_in(login, password, given=given))

    @step(tokens=tokens, mail=mails)
    def confuse_tokens(self, tokens: Tokens, mail: Mail) -> None:
        """None of them is good for what another is."""
        for secret in (tokens.access, mail.token):
            self._refresh(secret)
        for secret in (tokens.refresh, mail.token):
            self._compare(self._call(ME, by=secret), UNAUTHENTICATED)

    @step(tokens=tokens, how=st.sampled_from(("log out", "others", "everywhere")))
    def leave(self, tokens: Tokens, how: str) -> None:
        access = tokens.access
        if how == "log out":
            self._compare(self._call(LOG_OUT, by=access), self.world.log_out(access))
            return
        answer = self._call(OTHERS if how == "others" else EVERYWHERE, by=access)
        problems = self.world.revoke_all(access, but_this=how == "others")
        self._compare(answer, problems)
        if not problems:
            (payload,) = answer.data.values()
            assert payload["count"] == self.world.ended

    @step(tokens=tokens | root, session=tokens)
    def revoke_session(self, tokens: Tokens, session: Tokens) -> None:
        name = node_id(Session(session.session_id))
        answer = self._call(REVOKE, by=tokens.access, id=name)
        self._compare(answer, self.world.revoke(tokens.access, session.session_id))

    # Mailed links -------------------------------------------------------------------------

    @step(2, email=emails, username=usernames, password=phrases, rival=st.none() | usernames)
    def sign_up(self, email: str, username: str, password: str, rival: str | None) -> None:
        """Of two who want an address, the later one counts."""
        self._sign_up(email, username, password)
        if rival:
            self.world_is_as_modelled()
            self._sign_up(email, rival, PASSWORD)

    @step(2, email=mostly(known("email"), emails), mails=st.sampled_from((1, 0, 2)))
    def request_reset(self, email: str, mails: int) -> None:
        """A worker makes a link of it; it may come late, and more than once."""
        self._compare(self._call(REQUEST_RESET, email=email), self.world.request_reset(email))
        person = self.world.person(email)
        if person is None or person.id is None:
            return
        for _mail in range(mails):
            reset = prepare_password_reset(person.id)
            self._mailed("reset", reset.token if reset else "")
            self.world.mail_reset(person, token=reset.token if reset else "")

    @step(2, tokens=tokens, email=mostly(st.sampled_from(EMAILS[2:]), emails), guess=guesses)
    def request_email_change(self, tokens: Tokens, email: str, guess: str) -> None:
        access, password = tokens.access, self._own_password(tokens, guess)
        answer = self._call(REQUEST_EMAIL_CHANGE, by=access, email=email, password=password)
        session = self.world.actor(access)
        token = token_of(EmailChange, user=session.person.id) if session else ""
        problems = self.world.request_email_change(access, email, password, token=token)
        self._compare(answer, problems)
        self._mailed("confirm", token)

    @step(4, mail=mails, purpose=purposes, new=new_passwords)
    def use_link(self, mail: Mail, purpose: str | None, new: str) -> None:
        """Use it for what it was mailed for, or for something else."""
        purpose, token = purpose or mail.purpose, mail.token
        if purpose == "verify":
            self._compare(self._call(VERIFY, token=token), self.world.verify(token))
        elif purpose == "confirm":
            problems = self.world.confirm_email_change(token)
            self._compare(self._call(CONFIRM, token=token), problems)
        else:
            answer = self._call(RESET, token=token, newPassword=new)
            self._compare(answer, self.world.reset(token, new))

    # Credentials --------------------------------------------------------------------------

    @step(tokens=tokens, guess=guesses, new=new_passwords)
    def change_password(self, tokens: Tokens, guess: str, new: str) -> None:
        access, password = tokens.access, self._own_password(tokens, guess)
        answer = self._call(CHANGE_PASSWORD, by=access, currentPassword=password, newPassword=new)
        self._compare(answer, self.world.change_password(access, password, new))

    @step(tokens=tokens, username=usernames, guess=guesses)
    def change_username(self, tokens: Tokens, username: str, guess: str) -> None:
        access, password = tokens.access, self._own_password(tokens, guess)
        answer = self._call(CHANGE_USERNAME, by=access, username=username, password=password)
        self._compare(answer, self.world.change_username(access, username, password))

    # Administration -----------------------------------------------------------------------

    @step(2, tokens=root, username=people | st.just("root"), hours=st.sampled_from((None, 2)))
    def suspend(self, tokens: Tokens, username: str, hours: int | None) -> None:
        person = self.world.person(username)
        until = dt.timedelta(hours=hours) if hours else None
        values = {"userId": user_node_id(person), "reason": REASON}
        if until:
            values["until"] = (timezone.now() + until).isoformat()
        answer = self._call(SUSPEND, by=tokens.access, input=values)
        self._compare(answer, self.world.suspend(tokens.access, person, until))

    @step(tokens=root, username=people)
    def reactivate(self, tokens: Tokens, username: str) -> None:
        person = self.world.person(username)
        answer = self._call(REACTIVATE, by=tokens.access, userId=user_node_id(person))
        self._compare(answer, self.world.reactivate(tokens.access, person))

    @step(tokens=root, username=people)
    def require_reset(self, tokens: Tokens, username: str) -> None:
        person = self.world.person(username)
        answer = self._call(REQUIRE_RESET, by=tokens.access, userId=user_node_id(person))
        self._compare(answer, self.world.require_reset(tokens.access, person))

    # Time ---------------------------------------------------------------------------------

    @step(3, minutes=of_machine(lambda m: m.minutes))
    def let_time_pass(self, minutes: int) -> None:
        time = dt.timedelta(minutes=minutes)
        for kind, names in AGEING.items():
            kind.objects.update(**{name: F(name) - time for name in names})
        self.world.pass_time(time)

    @step(is_redis_emptied=st.booleans())
    def do_chores(self, *, is_redis_emptied: bool) -> None:
        """What beat has done every few minutes; and Redis holds nothing that anybody needs."""
        if is_redis_emptied:
            self.redis.flushdb()
        prune_links()
        tasks.prune_password_resets()
        tasks.prune_sessions()
        tasks.lift_suspensions()
        self.world.prune()

    # What always holds --------------------------------------------------------------------

    @invariant()
    def world_is_as_modelled(self) -> None:
        self._forget_attempts()
        before, self.rows = self.rows, rows()
        self._check_people()
        self._check_sessions()
        self._check_links()
        self._check_events()
        self._check_access_tokens(is_changed=self.rows != before)

    def _forget_attempts(self) -> None:
        attempts = list(self.redis.scan_iter("roster:attempts:*", count=1_000))
        if attempts:
            self.redis.delete(*attempts)

    def _check_people(self) -> None:
        found = {row["username"]: row for row in self.rows["User"]}
        assert sorted(found) == sorted(person.username for person in self.world.people)
        assert len(self.rows["User"]) == len(self.rows["Profile"]) == len(self.world.people)
        assert len({row["email"] for row in found.values()}) == len(found)
        for person in self.world.people:
            row = found[person.username]
            person.id = person.id or UUID(row["id"])
            assert (row["id"], row["email"]) == (str(person.id), person.email)
            assert (row["is_active"], row["is_superuser"]) == (person.is_active, person.administers)
            assert (row["email_verified_at"] is not None) == person.is_verified
            for password in {person.password, *person.former_passwords} - {None}:
                assert is_password(password, row["password"]) == (password == person.password)

    def _check_sessions(self) -> None:
        found = sorted((row["id"], row["user_id"]) for row in self.rows["Session"])
        assert found == sorted((str(each.id), str(each.person.id)) for each in self.world.sessions)
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
                (str(x.id), x.email, x.username, str(x.person.id) if x.person else None)
                for x in links
            )
        suspended = sorted(str(person.id) for person in self.world.suspensions)
        assert sorted(row["user_id"] for row in self.rows["Suspension"]) == suspended

    def _check_events(self) -> None:
        """They are all that the model has, in its order; so there are only ever more."""
        found = Event.objects.order_by("pk").values_list("tag", "subject_id")
        assert list(found) == [(tag, it.id if it else None) for tag, it in self.world.events]

    def _check_access_tokens(self, *, is_changed: bool) -> None:
        """Ask with one of each session that has a row or just had; now and then with all.

        After a step that changed no row, one answer stands for those of all.
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
                person = {"username": session.person.username, "email": session.person.email}
                assert answer.data == {"me": person}
            else:
                assert (answer.status, problems_of(answer)) == (401, UNAUTHENTICATED)

    # How steps are taken ------------------------------------------------------------------

    def _call(self, query: str, *, by: str | None = None, **variables: Any) -> Answer:
        answer = GraphQLClient(by)(query, **variables)
        assert answer.status in {200, 401}
        assert "INTERNAL_ERROR" not in answer.codes
        return answer

    def _compare(self, answer: Answer, problems: Problems, *, changes: bool = False) -> None:
        """Check the answer, and that a refusal changed nothing unless it is said to."""
        assert problems_of(answer) == problems
        assert (answer.status == 401) == (problems == UNAUTHENTICATED)
        if problems and not changes:
            assert rows() == self.rows

    def _sign_up(self, email: str, username: str, password: str) -> None:
        values = {"email": email, "username": username, "password": password}
        answer = self._call(SIGN_UP, input=values)
        token = token_of(SignUp, email=canonical(email))
        self._compare(answer, self.world.sign_up(email, username, password, token=token))
        self._mailed("verify", token)

    def _mailed(self, purpose: str, token: str) -> None:
        if token and token not in [mail.token for mail in self.mails]:
            self.mails.append(Mail(len(self.mails), purpose, token))

    def _refresh(self, secret: str) -> None:
        before = len(self.world.sessions)
        answer = self._call(REFRESH, token=secret)
        given = self._received(answer)
        problems = self.world.refresh(secret, given=given)
        self._compare(answer, problems, changes=len(self.world.sessions) < before)

    def _received(self, answer: Answer) -> Tokens | None:
        """Keep the tokens given; whose session it is is read from them as anybody would."""
        (payload,) = answer.data.values()
        access, refresh = payload["accessToken"], payload["refreshToken"]
        if access is None:
            return None
        claims = jwt.decode(access, options={"verify_signature": False})
        self.tokens.append(Tokens(len(self.tokens), access, refresh, UUID(claims["sid"])))
        return self.tokens[-1]

    def _own_password(self, tokens: Tokens, guess: str) -> str:
        session = self.world.actor(tokens.access)
        return password_of(session.person if session else None, guess)

    # What there is to draw from -----------------------------------------------------------

    def possible_steps(self) -> list[st.SearchStrategy[tuple[str, dict[str, Any]]]]:
        names = [*self.names.split(), "log_in", "let_time_pass"] if self.names else STEPS
        return [drawn for name in names for drawn in STEPS[name]]

    def others(self) -> list[Person]:
        """Return all but Root."""
        return [person for person in self.world.people if not person.administers]

    def live_tokens(self) -> list[Tokens]:
        """Return all of sessions that live, used ones too, or else the newest."""
        alive = [tokens for tokens in self.tokens if self.world.actor(tokens.access)]
        return alive[::-1] or self.tokens[-1:]

    def open_mails(self) -> list[Mail]:
        """Return those whose links are open, or else the newest."""
        links = (*self.world.sign_ups, *self.world.email_changes, *self.world.resets)
        mailed = {link.token for link in links}
        return [mail for mail in self.mails if mail.token in mailed][::-1] or self.mails[-1:]


def problems_of(answer: Answer) -> Problems:
    return [(code, "") for code in answer.codes] or answer.problems


def password_of(person: Person | None, guess: str) -> str:
    if guess == "right":
        return (person and person.password) or PASSWORD
    if guess == "former" and person and person.former_passwords:
        return person.former_passwords[-1] or WRONG
    return WRONG


def token_of(kind: Any, **conditions: Any) -> str:
    """Return what a mail that is sent now would hold."""
    link = kind.objects.filter(**conditions).first()
    return link.token if link else ""


def user_node_id(person: Person | None) -> str:
    return node_id(User(pk=person.id) if person else User())


def rows() -> Rows:
    found: Rows = {kind.__name__: [] for kind in (User, Profile, *AGEING)}
    with connection.cursor() as cursor:
        cursor.execute(f"{ROWS} ORDER BY 1, 2")
        for name, row in cursor.fetchall():
            found[name].append(json.loads(row))
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_identities_live_as_modelled(
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
