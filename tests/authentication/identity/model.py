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
    Link,
    Person,
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
        if self.person(username):
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
        if self.person(link.email):
            return EMAIL_TAKEN
        if self.person(name):
            return USERNAME_TAKEN
        self.sign_ups = [each for each in self.sign_ups if each.email != link.email]
        person = Person(name, link.email, chosen, is_verified=True)
        self.people.append(person)
        self.events += [(Tag.EMAIL_VERIFIED, person), (Tag.USER_CREATED, person)]
        return []

    # Passwords ----------------------------------------------------------------------------

    def change_password(self, access: str, current: str, new: str) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if here.person.has_factor and not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        if here.person.password != current:
            self.events.append((Tag.PASSWORD_REFUSED, here.person))
            return [("PASSWORD_WRONG", "currentPassword")]
        if new == WEAK:
            return PASSWORD_TOO_WEAK
        self.write_password(here.person, new, keep=here)
        self.events.append((Tag.PASSWORD_CHANGED, here.person))
        return []

    def write_password(
        self, person: Person, new: str | None, *, keep: Session | None = None
    ) -> None:
        person.former_passwords.append(person.password)
        person.password = new
        self.resets = [link for link in self.resets if link.person is not person]
        self.email_changes = [link for link in self.email_changes if link.person is not person]
        self.block(person, keep=keep)

    def request_reset(self, email: str) -> Problems:
        self.events.append((Tag.PASSWORD_RESET_REQUESTED, self.person(email)))
        return []

    def mail_reset(self, person: Person, *, token: str) -> None:
        """Model the worker's task for each request, run at least once."""
        if not person.is_active:
            return
        ends = self.now + settings.PASSWORD_RESET_TTL
        for link in self.resets:
            is_current = link.email == person.email and link.ends > self.now
            if link.person is person and is_current:
                link.ends = ends
                return
        self.resets = [link for link in self.resets if link.person is not person]
        self.mail(Link(token, person.email, ends, person), self.resets)

    def reset(self, token: str, new: str) -> Problems:
        links = [link for link in self.resets if link.person and link.person.is_active]
        links = [link for link in links if link.person and link.person.email == link.email]
        link, problems = self.opened(links, token)
        if problems:
            return problems
        if new == WEAK:
            return PASSWORD_TOO_WEAK
        assert link.person
        self.write_password(link.person, new)
        self.events.append((Tag.PASSWORD_RESET, link.person))
        # Access to a mailbox neither removes nor replaces a second factor.
        if not link.person.is_verified and not link.person.has_factor:
            link.person.is_verified = True
            self.events.append((Tag.EMAIL_VERIFIED, link.person))
        return []

    # Identifiers --------------------------------------------------------------------------

    def request_email_change(
        self, access: str, email: str, password: str, *, token: str
    ) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        person, email = here.person, canonical(email)
        if person.has_factor and not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        if person.password != password:
            self.events.append((Tag.PASSWORD_REFUSED, person))
            return PASSWORD_WRONG
        if person.email != email:
            self.email_changes = [link for link in self.email_changes if link.person is not person]
            ends = self.now + settings.EMAIL_CHANGE_TTL
            self.mail(Link(token, email, ends, person), self.email_changes)
            self.events.append((Tag.EMAIL_CHANGE_REQUESTED, person))
        return []

    def confirm_email_change(
        self, token: str, *, access: str | None, password: str | None
    ) -> Problems:
        here = self.actor(access) if access else None
        if access and here is None:
            return UNAUTHENTICATED
        link, problems = self.opened(self.email_changes, token)
        if problems:
            return problems
        assert link.person
        if here is None or here.person is not link.person:
            if password is None:
                return PASSWORD_REQUIRED
            if password != link.person.password:
                self.events.append((Tag.PASSWORD_REFUSED, link.person))
                return PASSWORD_WRONG
        if self.person(link.email) not in {None, link.person}:
            return EMAIL_TAKEN
        self.email_changes.remove(link)
        link.person.email, link.person.is_verified = link.email, True
        self.events.append((Tag.EMAIL_CHANGED, link.person))
        return []

    def change_username(self, access: str, username: str, password: str) -> Problems:
        here = self.actor(access)
        if here is None:
            return UNAUTHENTICATED
        if here.person.has_factor and not self.is_recently_authenticated(here):
            return REAUTHENTICATION_REQUIRED
        if here.person.password != password:
            self.events.append((Tag.PASSWORD_REFUSED, here.person))
            return PASSWORD_WRONG
        if here.person.username == username:
            return []
        if self.person(username):
            return USERNAME_TAKEN
        here.person.username = username
        self.events.append((Tag.USERNAME_CHANGED, here.person))
        return []

    # Administration -----------------------------------------------------------------------

    def suspend(self, access: str, person: Person | None, until: dt.timedelta | None) -> Problems:
        refusal = self.refusal_to_administer(access, person)
        if refusal or person is None:
            return refusal
        if person.administers:
            return [("LAST_ADMINISTRATOR", "userId")]
        if person in self.suspensions and self.suspensions[person] is None and until is None:
            return []
        self.suspensions.pop(person, None)
        self.suspensions[person] = self.now + until if until else None
        person.is_active = False
        self.resets = [link for link in self.resets if link.person is not person]
        self.email_changes = [link for link in self.email_changes if link.person is not person]
        self.block(person)
        self.events.append((Tag.USER_SUSPENDED, person))
        return []

    def reactivate(self, access: str, person: Person | None) -> Problems:
        refusal = self.refusal_to_administer(access, person)
        if refusal or person is None:
            return refusal
        if not person.is_active:
            self.unblock(person)
        return []

    def unblock(self, person: Person) -> None:
        del self.suspensions[person]
        person.is_active = True
        self.events.append((Tag.USER_REACTIVATED, person))

    def require_reset(self, access: str, person: Person | None) -> Problems:
        refusal = self.refusal_to_administer(access, person)
        if refusal or person is None:
            return refusal
        self.write_password(person, None)
        self.events.append((Tag.PASSWORD_RESET_FORCED, person))
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
        waiting = self.half_log_ins.items()
        self.half_log_ins = {key: half for key, half in waiting if half.ends > self.now}
        tokens = self.refresh_tokens.items()
        self.refresh_tokens = {key: token for key, token in tokens if token.ends > self.now}
        ends = [(until, person) for person, until in self.suspensions.items() if until]
        for until, person in sorted(ends, key=lambda end: end[0]):
            if until <= self.now:
                self.unblock(person)
