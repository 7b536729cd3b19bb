"""The expected behavior of sessions and second factors."""

from typing import Final
from uuid import UUID

from django.conf import settings

from tests.authentication.identity.state import (
    Account,
    PendingSecondStep,
    Problems,
    RefreshToken,
    Session,
    State,
    Tokens,
)
from users.activity.tags import Tag

UNAUTHENTICATED: Final = [("UNAUTHENTICATED", "")]
FORBIDDEN: Final = [("FORBIDDEN", "")]
REAUTHENTICATION_REQUIRED: Final = [("REAUTHENTICATION_REQUIRED", "")]
NO_SUCH_ACCOUNT: Final = [("NOT_FOUND", "userId")]
CODE_INVALID: Final = [("CODE_INVALID", "recoveryCode")]
REFRESH_REFUSED: Final = [("TOKEN_INVALID", "refreshToken")]


class Sessions(State):
    """The model of sessions and second factors."""

    # Sessions -----------------------------------------------------------------------------

    def log_in(
        self, login: str, password: str, *, given: Tokens | None, waiting: str | None
    ) -> Problems:
        account = self.account(login)
        if account is None or not account.is_active or account.password != password:
            self.events.append((Tag.LOG_IN_REFUSED, account))
            return [("CREDENTIALS_INVALID", "login")]
        if account.has_factor:
            assert waiting, "must be asked for the second factor"
            assert not given, "must not be let in before"
            ends = self.now + settings.PENDING_LOG_IN_TTL
            self.pending_log_ins[waiting] = PendingSecondStep(account, ends)
            return []
        assert given, "must be let in"
        assert not waiting, "has nothing more to prove"
        self.begin(account, given)
        self.events.append((Tag.LOGGED_IN, account))
        return []

    # Second factors -----------------------------------------------------------------------

    def second_step(self, waiting: str, code: str, *, given: Tokens | None) -> Problems:
        half = self.pending_log_ins.get(waiting)
        if half is None or not half.account.is_active:
            return [("TOKEN_INVALID", "mfaToken")]
        if half.ends <= self.now:
            return [("TOKEN_EXPIRED", "mfaToken")]
        if not self.use_code(half.account, code):
            return CODE_INVALID
        assert given, "must be let in"
        del self.pending_log_ins[waiting]
        self.begin(half.account, given).factor_proved = self.now
        self.events.append((Tag.LOGGED_IN, half.account))
        return []

    def use_code(self, account: Account, code: str) -> bool:
        if code not in account.codes:
            self.events.append((Tag.FACTOR_REFUSED, account))
            return False
        account.codes.remove(code)
        account.used_codes.append(code)
        self.events += [(Tag.RECOVERY_CODE_USED, account), (Tag.FACTOR_USED, account)]
        return True

    def reauthenticate(self, access: str, how: str, secret: str) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if (how == "password") == here.account.has_factor:
            return REAUTHENTICATION_REQUIRED
        if how == "password":
            if secret != here.account.password:
                self.events.append((Tag.PASSWORD_REFUSED, here.account))
                return [("PASSWORD_WRONG", "password")]
        elif not self.use_code(here.account, secret):
            return CODE_INVALID
        else:
            here.factor_proved = self.now
        here.proved = self.now
        self.events.append((Tag.REAUTHENTICATED, here.account))
        return []

    def begin_totp(self, access: str) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        return [("TOTP_ACTIVE", "")] if here.account.has_factor else []

    def set_up_totp(self, access: str, codes: list[str]) -> None:
        here = self.actor(access)
        assert here
        here.account.has_factor = True
        here.account.codes, here.account.used_codes = codes, []
        self.block(here.account, keep=here)
        here.proved = here.factor_proved = self.now
        self.events.append((Tag.FACTOR_ADDED, here.account))

    def remove_totp(self, access: str) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        if not here.account.has_factor:
            return [("NOT_FOUND", "")]
        here.account.has_factor, here.account.codes = False, []
        self.events.append((Tag.FACTOR_REMOVED, here.account))
        return []

    def reset_factors(self, access: str, account: Account | None) -> Problems:
        refusal = self.refusal_to_administer(access, account)
        if refusal or account is None:
            return refusal
        if account.has_factor:
            account.has_factor, account.codes = False, []
            self.block(account)
            self.events.append((Tag.FACTORS_RESET, account))
        return []

    def block(self, account: Account, *, keep: Session | None = None) -> None:
        """End the user's sessions and pending log-ins."""
        waiting = self.pending_log_ins.items()
        self.pending_log_ins = {key: half for key, half in waiting if half.account is not account}
        self.end([session for session in self.sessions_of(account) if session is not keep])

    # Beginning and ending -----------------------------------------------------------------------

    def begin(self, account: Account, given: Tokens) -> Session:
        ends = self.now + settings.SESSION_IDLE_TTL
        session = Session(given.session_id, account, self.now, ends, proved=self.now)
        self.sessions.append(session)
        self.give(session, given)
        return session

    def give(self, session: Session, given: Tokens) -> None:
        self.access_tokens[given.access] = session
        if given.refresh:
            self.refresh_tokens[given.refresh] = RefreshToken(session, session.ends)

    def refresh(self, secret: str, *, given: Tokens | None) -> Problems:
        token = self.refresh_tokens.get(secret)
        if token is None or token.session not in self.sessions:
            return REFRESH_REFUSED
        session = token.session
        if token.used is None:
            oldest = session.began + settings.SESSION_MAX_AGE
            if min(token.ends, oldest) <= self.now:
                return REFRESH_REFUSED
            assert given, "must get a successor"
            session.ends = min(self.now + settings.SESSION_IDLE_TTL, oldest)
            token.used, token.successor = self.now, given.refresh
            self.give(session, given)
            return []
        if self.now < token.used + settings.REFRESH_GRACE:
            assert given, "must get the same successor"
            assert given.refresh == token.successor
            self.access_tokens[given.access] = session
            return []
        self.end([session])
        self.events.append((Tag.REFRESH_TOKEN_REUSED, session.account))
        return REFRESH_REFUSED

    def end(self, sessions: list[Session]) -> None:
        self.ended = sum(session.ends > self.now for session in sessions)
        self.sessions = [session for session in self.sessions if session not in sessions]

    def log_out(self, access: str) -> Problems:
        session = self.actor(access)
        if session is None:
            return UNAUTHENTICATED
        self.end([session])
        self.events.append((Tag.LOGGED_OUT, session.account))
        return []

    def revoke(self, access: str, session_id: UUID) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        for session in self.sessions:
            is_theirs = session.account is here.account or here.account.administers
            if session.id == session_id and session.ends > self.now and is_theirs:
                self.end([session])
                tag = Tag.LOGGED_OUT if session is here else Tag.SESSIONS_REVOKED
                self.events.append((tag, session.account))
                return []
        return [("NOT_FOUND", "sessionId")]

    def revoke_all(self, access: str, *, but_this: bool) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        self.block(here.account, keep=here if but_this else None)
        if self.ended:
            self.events.append((Tag.SESSIONS_REVOKED, here.account))
        return []

    # Administration -----------------------------------------------------------------------

    def refusal_to_administer(self, access: str, account: Account | None) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if not here.account.administers:
            return FORBIDDEN
        if not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        return [] if account else NO_SUCH_ACCOUNT
