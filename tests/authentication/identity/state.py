"""The state of the model of `tests.authentication.identity`, in plain lists and dicts.

Times are relative to the start of the run.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.conf import settings

from users.activity.tags import Tag

Problems = list[tuple[str, str]]

TOKEN_INVALID: Final = [("TOKEN_INVALID", "token")]
TOKEN_EXPIRED: Final = [("TOKEN_EXPIRED", "token")]


@dataclass(frozen=True)
class Tokens:
    """The tokens that a client receives for logging in or refreshing."""

    number: int
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    session_id: UUID = field(repr=False)


@dataclass(eq=False)
class Account:
    username: str
    email: str
    # None after an administrator required a password reset.
    password: str | None
    is_verified: bool = False
    is_active: bool = True
    administers: bool = False
    former_passwords: list[str | None] = field(default_factory=list)
    # Whether an authenticator app is set up; unused and used recovery codes.
    has_factor: bool = False
    codes: list[str] = field(default_factory=list)
    used_codes: list[str] = field(default_factory=list)
    id: UUID | None = None


@dataclass(eq=False)
class Session:
    id: UUID
    account: Account
    began: dt.timedelta
    ends: dt.timedelta
    # Time of the last authentication: by any method, and by a second factor.
    proved: dt.timedelta
    factor_proved: dt.timedelta | None = None


@dataclass(eq=False)
class PendingSecondStep:
    """A pending log-in, which requires the second factor."""

    account: Account
    ends: dt.timedelta


@dataclass(eq=False)
class RefreshToken:
    session: Session
    ends: dt.timedelta
    used: dt.timedelta | None = None
    successor: str = ""


@dataclass(eq=False)
class Link:
    """A mailed link: of a sign-up, without a user, or of a user."""

    token: str
    email: str
    ends: dt.timedelta
    account: Account | None = None
    username: str = ""
    password: str = ""

    @property
    def id(self) -> UUID:
        return UUID(self.token.partition(":")[0])


@dataclass
class State:
    """The users, sessions and links, and the events so far."""

    accounts: list[Account] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    # All tokens ever issued.
    access_tokens: dict[str, Session] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    pending_log_ins: dict[str, PendingSecondStep] = field(default_factory=dict)
    sign_ups: list[Link] = field(default_factory=list)
    email_changes: list[Link] = field(default_factory=list)
    resets: list[Link] = field(default_factory=list)
    mailed: set[str] = field(default_factory=set)
    # The end of each suspension, in order of suspension.
    suspensions: dict[Account, dt.timedelta | None] = field(default_factory=dict)
    events: list[tuple[Tag, Account | Link | None]] = field(default_factory=list)
    now: dt.timedelta = dt.timedelta(0)
    # The number of unexpired sessions that the last step ended.
    ended: int = 0

    def account(self, login: str) -> Account | None:
        login = canonical(login)
        return next((each for each in self.accounts if login in (each.username, each.email)), None)

    def actor(self, access: str) -> Session | None:
        """Return the active session of an access token."""
        session = self.access_tokens.get(access)
        return session if session and self.is_alive(session) else None

    def is_alive(self, session: Session) -> bool:
        is_strong = session.factor_proved is not None or not session.account.has_factor
        is_theirs = session in self.sessions and session.account.is_active
        return is_theirs and is_strong and session.ends > self.now

    def is_recently_authenticated(self, session: Session) -> bool:
        """Return whether the session may perform sensitive operations."""
        proved = session.factor_proved if session.account.has_factor else session.proved
        return proved is not None and self.now - proved <= settings.REAUTHENTICATION_TTL

    def sessions_of(self, account: Account) -> list[Session]:
        return [session for session in self.sessions if session.account is account]

    def opened(self, links: list[Link], token: str) -> tuple[Link, Problems]:
        """Return the link of a token, and the problems if it is invalid."""
        for link in links:
            if link.token == token:
                return link, [] if link.ends > self.now else TOKEN_EXPIRED
        return Link("", "", self.now), TOKEN_INVALID

    def mail(self, link: Link, links: list[Link]) -> None:
        assert link.token not in self.mailed, "each link is another"
        self.mailed.add(link.token)
        links.append(link)


def canonical(identifier: str) -> str:
    return identifier.strip().lower()
