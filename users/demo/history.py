"""Generated events of users, from a fixed seed, for the audit trail and the analytics.

What users have agrees with their events: sessions with sign-ins, second factors with enrollments,
and so on.
"""

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings

from users.accounts.authentication_methods import Method
from users.activity.tags import Tag
from users.demo import names
from users.demo.organizations import DAY, GeneratedOrganization
from users.demo.rows import NULL, Rows, array_of, bytes_of, id_at, text_at
from users.organizations.roles import Role
from users.scopes import Scope

# How many users have events, and how many of them come back. More would take longer than all else.
MAX_USERS: Final = 5_000
MAX_RETURNING: Final = 500
MAX_LOG_INS: Final = 20
# Days between two log-ins; the less frequent a user is, the sooner they stay away.
HABITS: Final = (1, 1, 3, 3, 7, 14, 30)
# Of the oldest API token; it has not expired.
TOKEN_AGE: Final = 300 * DAY
PENDING_INVITATIONS: Final = 6
INVITED_DOMAIN: Final = "example.org"
SCOPES: Final = (
    (Scope.PROFILE_READ.value,),
    (Scope.ORGANIZATIONS_READ.value, Scope.USERS_READ.value),
    (Scope.PROFILE_WRITE.value,),
)


@dataclass(slots=True)
class GeneratedUser:
    """A user whom the history is about, until ``leaves``: their suspension or now, in seconds."""

    id: str
    email: str
    joined: float
    leaves: float
    ip: str
    groups: Sequence[str] = ()
    is_founder: bool = False
    # Set by the history.
    is_verified: bool = True
    factor_at: float | None = None
    log_ins: list[float] = field(default_factory=list)
    user_agent: str = ""

    @property
    def origin(self) -> dict[str, str]:
        """The address and the device of the user's events."""
        return {"ip": self.ip, "user_agent": self.user_agent}

    def first_log_in_since(self, moment: float) -> float | None:
        """Return the time of a log-in, if there was one."""
        return next((at for at in self.log_ins if at >= moment), None)


class Joining(NamedTuple):
    """When a user becomes a member, in seconds, and the role."""

    organization: GeneratedOrganization
    at: float
    role: str


class History:
    """Generates what users did since they joined, until ``now``, in seconds."""

    def __init__(self, *, size: int, now: float, administrator_id: str) -> None:
        """Prepare the generator for ``size`` users, whom one administrator administers."""
        self._now, self._size, self._administrator_id = now, size, administrator_id
        self._rng = random.Random(2027)  # noqa: S311 - reproducible data, not a secret
        self._chance = self._rng.random

    def selects(self) -> bool:
        """Return whether the next user has events."""
        return self._chance() < MAX_USERS / self._size

    def add(self, rows: Rows, user: GeneratedUser) -> None:
        """Add the events of a user, their mails, and what they are about."""
        user.user_agent = self._rng.choice(names.USER_AGENTS)
        kind = self._chance()
        # Never verified, so the user cannot sign in.
        if kind < 0.1 and not user.is_founder:  # noqa: PLR2004
            user.is_verified = False
            self._event(rows, Tag.USER_CREATED, user.joined, self._administrator_id, user.id)
        else:
            (self._accept_invitation if kind < 0.15 else self._sign_up)(rows, user)  # noqa: PLR2004
            self._live(rows, user)
        if user.groups:
            data = {"old": [], "new": sorted(map(int, user.groups))}
            self._administer(rows, Tag.USER_GROUPS_CHANGED, self._moment_of(user), user, data)

    def add_account(self, rows: Rows, user_id: str, at: float) -> None:
        """Add the event of an account that the system created."""
        self._event(rows, Tag.USER_CREATED, at, None, user_id)

    def add_group(self, rows: Rows, at: float, group_id: int, new: Mapping[str, Any]) -> None:
        """Add the event of a group that the administrator created."""
        data = {"group": group_id, "old": {}, "new": new}
        self._event(rows, Tag.GROUP_CHANGED, at, self._administrator_id, NULL, data=data)

    def suspend(self, rows: Rows, user: GeneratedUser, reason: str, until: float | None) -> None:
        """Add the event of a suspension when the user leaves."""
        data = {"until": text_at(until) if until else None, "sessions": 0}
        self._administer(
            rows, Tag.USER_SUSPENDED, user.leaves, user, data, personal={"reason": reason}
        )

    def found(self, rows: Rows, user: GeneratedUser, organization: GeneratedOrganization) -> None:
        """Add the event of an organisation that the user created."""
        personal = user.origin | {"name": organization.name}
        at = organization.founded
        self._event(
            *(rows, Tag.ORGANIZATION_CREATED, at, user.id, user.id),
            organization=organization,
            personal=personal,
        )

    def import_member(self, rows: Rows, user: GeneratedUser, membership: Joining) -> None:
        """Add the event of a member whom the administrator imported."""
        self._event(
            *(rows, Tag.MEMBER_IMPORTED, membership.at, self._administrator_id, user.id),
            organization=membership.organization,
            data={"role": membership.role},
        )

    def join(
        self, rows: Rows, user: GeneratedUser, membership: Joining, inviter: GeneratedUser | None
    ) -> None:
        """Add the events of a member who was invited, by default by the administrator."""
        organization, at, role = membership
        is_promoted = role == Role.ADMIN and self._chance() < 0.5  # noqa: PLR2004
        first_role = Role.MEMBER if is_promoted else role
        actor_id, origin = (inviter.id, inviter.origin) if inviter else (self._administrator_id, {})
        sent = max(organization.founded, at - 3 * DAY * self._chance())
        nonce = self._nonce()
        self._event(
            *(rows, Tag.ORGANIZATION_INVITATION_SENT, sent, actor_id, nonce),
            organization=organization,
            data={"role": first_role},
            personal=origin | {"email": user.email},
        )
        self._mail(rows, sent)
        self._event(
            *(rows, Tag.ORGANIZATION_INVITATION_ACCEPTED, at, user.id, user.id),
            organization=organization,
            data={"role": first_role, "link": str(UUID(nonce))},
            personal=user.origin,
        )
        if is_promoted:
            changed = at + (user.leaves - at) * (1 - self._chance())
            self._event(
                *(rows, Tag.MEMBER_ROLE_CHANGED, changed, actor_id, user.id),
                organization=organization,
                data={"old": first_role, "new": role},
                personal=origin,
            )

    def add_invitations(self, rows: Rows) -> None:
        """Add invitations that are pending."""
        lifetime = settings.INVITATION_TTL.total_seconds()
        for number in range(PENDING_INVITATIONS):
            given = names.GIVEN[number * 7]
            email = f"{given.lower()}.invited@{INVITED_DOMAIN}"
            at = self._now - lifetime * (number + self._chance()) / (PENDING_INVITATIONS + 1)
            nonce = self._invite(rows, at, email)
            expires_at = text_at(at + lifetime)
            locale = self._rng.choice(("en", "de"))
            rows.invitations.append((nonce, expires_at, email, given, locale))

    def _live(self, rows: Rows, user: GeneratedUser) -> None:
        """Add what a user did who can sign in."""
        self._log_in(rows, user, user.joined + 60)
        if self._chance() < MAX_RETURNING / min(self._size, MAX_USERS):
            self._return(rows, user)
        if self._chance() < 0.2:  # noqa: PLR2004
            self._add_passkey(rows, user)
        if self._chance() < 0.04:  # noqa: PLR2004
            self._create_token(rows, user)

    def _moment_of(self, user: GeneratedUser) -> float:
        return user.joined + self._chance() * (user.leaves - user.joined)

    def _sign_up(self, rows: Rows, user: GeneratedUser) -> None:
        if self._chance() < 0.2:  # noqa: PLR2004 - the first mail is forgotten
            self._request(rows, user.joined - self._chance() * DAY, user)
        link = self._request(rows, user.joined - self._chance() * DAY / 24, user)
        self._own(rows, Tag.USER_CREATED, user.joined, user, {"link": link}, is_signed_in=False)

    def _request(self, rows: Rows, at: float, user: GeneratedUser) -> str:
        link = self._nonce()
        self._event(rows, Tag.SIGN_UP_REQUESTED, at, None, link, personal=user.origin)
        self._mail(rows, at)
        return link

    def _accept_invitation(self, rows: Rows, user: GeneratedUser) -> None:
        nonce = self._invite(rows, user.joined - self._chance() * DAY, user.email)
        data = {"link": str(UUID(nonce))}
        self._own(rows, Tag.INVITATION_ACCEPTED, user.joined, user, data, is_signed_in=False)
        self._own(rows, Tag.USER_CREATED, user.joined, user, is_signed_in=False)

    def _invite(self, rows: Rows, at: float, email: str) -> str:
        nonce = self._nonce()
        actor_id, personal = self._administrator_id, {"email": email}
        self._event(rows, Tag.USER_INVITED, at, actor_id, nonce, personal=personal)
        self._mail(rows, at)
        return nonce

    def _return(self, rows: Rows, user: GeneratedUser) -> None:
        habit = self._rng.choice(HABITS)
        # Recent users come back as well as early ones.
        at = max(user.joined + 60, self._now - MAX_LOG_INS * habit * 2 * DAY * self._chance())
        leaves = min(at + self._rng.expovariate(habit / 400) * DAY, user.leaves)
        for _log_in in range(MAX_LOG_INS):
            at += self._rng.expovariate(1 / habit) * DAY
            if at >= leaves:
                break
            self._log_in(rows, user, at)

    def _log_in(self, rows: Rows, user: GeneratedUser, at: float) -> None:
        if at >= user.leaves:
            return
        failures = self._rng.choices((0, 1, 2, 9), (85, 10, 4, 1))[0]
        for number in range(failures, 0, -1):
            self._own(rows, Tag.LOG_IN_REFUSED, at - 5 * number, user, is_signed_in=False)
        if failures > 2:  # noqa: PLR2004
            self._own(rows, Tag.LOG_IN_THROTTLED, at - 1, user, is_signed_in=False)
        self._own(rows, Tag.LOGGED_IN, at, user)
        user.log_ins.append(at)

    def _add_passkey(self, rows: Rows, user: GeneratedUser) -> None:
        at = user.factor_at = self._moment_of(user)
        data = {"method": Method.PASSKEY.value, "sessions": 0}
        self._own(rows, Tag.FACTOR_ADDED, at, user, data)
        self._mail(rows, at)
        key, secret = id_at(at, self._rng), bytes_of(self._rng.randbytes(32))
        used_at = text_at(max([at, *user.log_ins]))
        model = UUID(int=0).hex
        rows.passkeys.append(
            (
                *(key, user.id, "Passkey", secret, bytes_of(self._rng.randbytes(77)), "0"),
                *(model, "t", "t", text_at(at), used_at),
            )
        )

    def _create_token(self, rows: Rows, user: GeneratedUser) -> None:
        since = max(user.joined, self._now - TOKEN_AGE)
        if user.leaves < since:
            return
        at = since + self._chance() * (user.leaves - since)
        expires_at = text_at(at + settings.API_TOKEN_MAX_DAYS * DAY)
        key, name = id_at(at, self._rng), self._rng.choice(names.TOKENS)
        scopes = self._rng.choice(SCOPES)
        data = {"token": str(UUID(key)), "scopes": scopes, "expires": expires_at}
        self._own(rows, Tag.API_TOKEN_CREATED, at, user, data, personal={"name": name})
        self._mail(rows, at)
        used_at = NULL
        if self._chance() < 0.8:  # noqa: PLR2004
            used_at = text_at(at + self._chance() * (user.leaves - at))
        digest = bytes_of(self._rng.randbytes(32))
        rows.api_tokens.append(
            (
                *(key, user.id, name, digest, array_of(scopes)),
                *(text_at(at), expires_at, used_at),
            )
        )

    def _mail(self, rows: Rows, at: float) -> None:
        name = "mails_failed" if self._chance() < 0.02 else "mails_sent"  # noqa: PLR2004
        rows.pending_counts.append((name, text_at(at)[:10]))

    def _nonce(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    def _own(  # noqa: PLR0913 - the columns of an event
        self,
        rows: Rows,
        tag: Tag,
        at: float,
        user: GeneratedUser,
        data: Mapping[str, Any] | None = None,
        *,
        personal: Mapping[str, Any] | None = None,
        is_signed_in: bool = True,
    ) -> None:
        """Add an event about the user that the user caused."""
        actor_id = user.id if is_signed_in else None
        personal = user.origin | dict(personal or {})
        self._event(rows, tag, at, actor_id, user.id, data=data, personal=personal)

    def _administer(  # noqa: PLR0913 - the columns of an event
        self,
        rows: Rows,
        tag: Tag,
        at: float,
        user: GeneratedUser,
        data: Mapping[str, Any],
        *,
        personal: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an event about the user, by the administrator."""
        actor_id = self._administrator_id
        self._event(rows, tag, at, actor_id, user.id, data=data, personal=personal)

    def _event(  # noqa: PLR0913 - the columns of an event
        self,
        rows: Rows,
        tag: Tag,
        at: float,
        actor_id: str | None,
        subject_id: str,
        *,
        organization: GeneratedOrganization | None = None,
        data: Mapping[str, Any] | None = None,
        personal: Mapping[str, Any] | None = None,
    ) -> None:
        event_id, digest, organization_id = id_at(at, self._rng), NULL, NULL
        if organization:
            organization_id = str(UUID(organization.id))
            data = {**(data or {}), "organization": organization_id}
        if personal:
            # As `EventDetails.digest`.
            salt = self._rng.randbytes(16)
            values = json.dumps(personal, sort_keys=True, separators=(",", ":"))
            digest = bytes_of(hashlib.sha256(salt + values.encode()).digest())
            rows.event_details.append((event_id, bytes_of(salt), values))
        rows.events.append(
            (
                *(event_id, tag.value, actor_id or NULL, subject_id, organization_id),
                *(json.dumps(data or {}), digest, text_at(at)),
            )
        )
