"""The expected behavior of accounts: the effect of each step on the model's `State`.

A step gets a client's input and the secrets that the client received. It changes the model as the
service must change the database, and returns the problems that the service must respond with. Time
advances only in `pass_time`.
"""

import datetime as dt
from typing import Final

from django.conf import settings

from tests.authentication.identity.sessions import (
    REAUTHENTICATION_REQUIRED,
    UNAUTHENTICATED,
    Sessions,
)
from tests.authentication.identity.state import (
    Account,
    Link,
    Problems,
    Session,
    canonical,
)
from users.activity.tags import Tag

EMAIL_TAKEN: Final = [("EMAIL_TAKEN", "token")]
USERNAME_TAKEN: Final = [("USERNAME_TAKEN", "username")]
PASSWORD_TOO_WEAK: Final = [("PASSWORD_TOO_WEAK", "newPassword")]
PASSWORD_WRONG: Final = [("PASSWORD_WRONG", "password")]
PASSWORD_REQUIRED: Final = [("PASSWORD_REQUIRED", "password")]

WEAK: Final = "weak"


class World(Sessions):
    """The model of accounts, passwords and links."""

    # Signing up ---------------------------------------------------------------------------

    def sign_up(self, email: str, username: str, password: str, *, token: str) -> Problems:
        if self.account(username):
            return USERNAME_TAKEN
        ends = self.now + settings.SIGN_UP_TTL
        link = Link(token, canonical(email), ends, username=username, password=password)
        self.mail(link, self.sign_ups)
        self.events.append((Tag.SIGN_UP_REQUESTED, link))
        return []

    def verify(
        self, token: str, *, password: str | None, new: str | None, username: str | None
    ) -> Problems:
        link, problems = self.opened(self.sign_ups, token)
        if problems:
            return problems
        if new is not None:
            if new == WEAK:
                return PASSWORD_TOO_WEAK
            chosen, name = new, username or ""
        elif password != link.password:
            return PASSWORD_REQUIRED if password is None else PASSWORD_WRONG
        else:
            chosen, name = link.password, username or link.username
        if self.account(link.email):
            return EMAIL_TAKEN
        if self.account(name):
            return USERNAME_TAKEN
        self.sign_ups = [each for each in self.sign_ups if each.email != link.email]
        account = Account(name, link.email, chosen, is_verified=True)
        self.accounts.append(account)
        self.events += [(Tag.EMAIL_VERIFIED, account), (Tag.USER_CREATED, account)]
        return []

    # Passwords ----------------------------------------------------------------------------

    def change_password(self, access: str, current: str, new: str) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if here.account.has_factor and not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        if here.account.password != current:
            self.events.append((Tag.PASSWORD_REFUSED, here.account))
            return [("PASSWORD_WRONG", "currentPassword")]
        if new == WEAK:
            return PASSWORD_TOO_WEAK
        self.write_password(here.account, new, keep=here)
        self.events.append((Tag.PASSWORD_CHANGED, here.account))
        return []

    def write_password(
        self, account: Account, new: str | None, *, keep: Session | None = None
    ) -> None:
        account.former_passwords.append(account.password)
        account.password = new
        self.resets = [link for link in self.resets if link.account is not account]
        self.email_changes = [link for link in self.email_changes if link.account is not account]
        self.block(account, keep=keep)

    def request_reset(self, email: str) -> Problems:
        self.events.append((Tag.PASSWORD_RESET_REQUESTED, self.account(email)))
        return []

    def mail_reset(self, account: Account, *, token: str) -> None:
        """Model the worker's task for each request, run at least once."""
        if not account.is_active:
            return
        ends = self.now + settings.PASSWORD_RESET_TTL
        for link in self.resets:
            is_current = link.email == account.email and link.ends > self.now
            if link.account is account and is_current:
                link.ends = ends
                return
        self.resets = [link for link in self.resets if link.account is not account]
        self.mail(Link(token, account.email, ends, account), self.resets)

    def reset(self, token: str, new: str) -> Problems:
        links = [link for link in self.resets if link.account and link.account.is_active]
        links = [link for link in links if link.account and link.account.email == link.email]
        link, problems = self.opened(links, token)
        if problems:
            return problems
        if new == WEAK:
            return PASSWORD_TOO_WEAK
        assert link.account
        self.write_password(link.account, new)
        self.events.append((Tag.PASSWORD_RESET, link.account))
        # Access to a mailbox neither removes nor replaces a second factor.
        if not link.account.is_verified and not link.account.has_factor:
            link.account.is_verified = True
            self.events.append((Tag.EMAIL_VERIFIED, link.account))
        return []

    # Identifiers --------------------------------------------------------------------------

    def request_email_change(
        self, access: str, email: str, password: str, *, token: str
    ) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        account, email = here.account, canonical(email)
        if account.has_factor and not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        if account.password != password:
            self.events.append((Tag.PASSWORD_REFUSED, account))
            return PASSWORD_WRONG
        if account.email != email:
            self.email_changes = [
                link for link in self.email_changes if link.account is not account
            ]
            ends = self.now + settings.EMAIL_CHANGE_TTL
            self.mail(Link(token, email, ends, account), self.email_changes)
            self.events.append((Tag.EMAIL_CHANGE_REQUESTED, account))
        return []

    def confirm_email_change(
        self, token: str, *, access: str | None, password: str | None
    ) -> Problems:
        # An invalid token is no obstacle, because none is needed.
        here = self.actor(access) if access else None
        link, problems = self.opened(self.email_changes, token)
        if problems:
            return problems
        assert link.account
        if here is None or here.account is not link.account:
            if password is None:
                return PASSWORD_REQUIRED
            if password != link.account.password:
                self.events.append((Tag.PASSWORD_REFUSED, link.account))
                return PASSWORD_WRONG
        if self.account(link.email) not in {None, link.account}:
            return EMAIL_TAKEN
        self.email_changes.remove(link)
        link.account.email, link.account.is_verified = link.email, True
        self.events.append((Tag.EMAIL_CHANGED, link.account))
        return []

    def change_username(self, access: str, username: str, password: str) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if here.account.has_factor and not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        if here.account.password != password:
            self.events.append((Tag.PASSWORD_REFUSED, here.account))
            return PASSWORD_WRONG
        if here.account.username == username:
            return []
        if self.account(username):
            return USERNAME_TAKEN
        here.account.username = username
        self.events.append((Tag.USERNAME_CHANGED, here.account))
        return []

    # Administration -----------------------------------------------------------------------

    def suspend(self, access: str, account: Account | None, until: dt.timedelta | None) -> Problems:
        refusal = self.refusal_to_administer(access, account)
        if refusal or account is None:
            return refusal
        if account.administers:
            return [("LAST_ADMINISTRATOR", "userId")]
        if account in self.suspensions and self.suspensions[account] is None and until is None:
            return []
        self.suspensions.pop(account, None)
        self.suspensions[account] = self.now + until if until else None
        account.is_active = False
        self.resets = [link for link in self.resets if link.account is not account]
        self.email_changes = [link for link in self.email_changes if link.account is not account]
        self.block(account)
        self.events.append((Tag.USER_SUSPENDED, account))
        return []

    def reactivate(self, access: str, account: Account | None) -> Problems:
        refusal = self.refusal_to_administer(access, account)
        if refusal or account is None:
            return refusal
        if not account.is_active:
            self.unblock(account)
        return []

    def unblock(self, account: Account) -> None:
        del self.suspensions[account]
        account.is_active = True
        self.events.append((Tag.USER_REACTIVATED, account))

    def require_reset(self, access: str, account: Account | None) -> Problems:
        refusal = self.refusal_to_administer(access, account)
        if refusal or account is None:
            return refusal
        self.write_password(account, None)
        self.events.append((Tag.PASSWORD_RESET_FORCED, account))
        return []

    # Time ---------------------------------------------------------------------------------

    def pass_time(self, time: dt.timedelta) -> None:
        self.now += time

    def prune(self) -> None:
        """Model the periodic tasks."""
        self.sign_ups = [link for link in self.sign_ups if link.ends > self.now]
        self.email_changes = [link for link in self.email_changes if link.ends > self.now]
        self.resets = [link for link in self.resets if link.ends > self.now]
        self.sessions = [session for session in self.sessions if session.ends > self.now]
        waiting = self.pending_log_ins.items()
        self.pending_log_ins = {key: half for key, half in waiting if half.ends > self.now}
        tokens = self.refresh_tokens.items()
        self.refresh_tokens = {key: token for key, token in tokens if token.ends > self.now}
        ends = [(until, account) for account, until in self.suspensions.items() if until]
        for until, account in sorted(ends, key=lambda end: end[0]):
            if until <= self.now:
                self.unblock(account)
