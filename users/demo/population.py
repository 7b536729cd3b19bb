"""Generated users and related rows for `COPY`, from a fixed seed."""

import datetime as dt
import random
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, product
from typing import Final, TypeVar

from django.conf import settings

from users.accounts.authentication_methods import MULTIPLE, Method
from users.accounts.identifiers import canonical
from users.demo import names
from users.demo.history import GeneratedUser, History, Joining
from users.demo.organizations import DAY, HISTORY, GeneratedOrganization
from users.demo.rows import FALSE, NULL, TRUE, Row, Rows, array_of, id_at, text_at
from users.organizations.models import Role

DOMAINS: Final = ("example.com", "example.net", "example.org")
# Reserved for documentation (RFC 5737).
ADDRESSES: Final = tuple(f"203.0.113.{number}" for number in range(1, 255))
# Not a valid hash, so no password matches.
NO_PASSWORD: Final = "!made up"  # noqa: S105
BIOS: Final = (*names.BIOS, "")
# Numbers of sessions of a user without a history, weighted by repetition.
SESSIONS: Final = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3)
MAX_SESSIONS: Final = 3
T = TypeVar("T")


class Population:
    """Generates ``size`` users who joined one after the other until ``now``.

    Only one chunk is in memory at a time. Rows are texts, and times are seconds, because objects
    would be too slow for millions of users.
    """

    def __init__(
        self,
        *,
        size: int,
        now: dt.datetime,
        group_ids: Sequence[int],
        organizations: Sequence[GeneratedOrganization],
        history: History | None = None,
    ) -> None:
        """Prepare the generator; organisations and a history are of the same size and time."""
        self.size = size
        self._now = now.timestamp()
        self._history = history
        self._session_ttl = settings.SESSION_IDLE_TTL.total_seconds()
        self._organizations = organizations
        # By the index of the organisation, once they have been generated.
        self._founders: dict[int, GeneratedUser] = {}
        self._group_sets = _group_sets(group_ids)
        self._rng = random.Random(2026)  # noqa: S311
        self._chance = self._rng.random

    def chunks(self, length: int) -> Iterator[Rows]:
        """Yield the rows of ``length`` users at a time."""
        for first in range(0, self.size, length):
            rows = Rows()
            for number in range(first, min(first + length, self.size)):
                self._add(rows, number)
            if self._history and first + length >= self.size:
                self._history.add_invitations(rows)
            yield rows

    def _any(self, options: Sequence[T]) -> T:
        return options[int(self._chance() * len(options))]

    def _add(self, rows: Rows, number: int) -> None:
        """Generate one user and add their rows."""
        chance, choose = self._chance, self._any
        joined = self._now - HISTORY * (1 - (number + chance()) / self.size)
        joined_at = text_at(joined)
        user_id = id_at(joined, self._rng)
        name, username, mailbox, website = choose(_identities())
        founded = self._founded_by(number)
        # Founders stay, so that they can invite others at any time.
        is_active = chance() < 0.96 or bool(founded)  # noqa: PLR2004
        user = GeneratedUser(
            id=user_id,
            email=f"{mailbox}{number}@{choose(DOMAINS)}",
            joined=joined,
            leaves=self._now if is_active else joined + (self._now - joined) * chance(),
            ip=ADDRESSES[number % len(ADDRESSES)],
            groups=choose(self._group_sets),
            is_founder=bool(founded),
        )
        history = self._history if self._history and self._history.selects() else None
        if history:
            history.add(rows, user)
        else:
            self._imagine(user)
        rows.users.append(
            (
                *(user_id, f"{username}{number}", user.email),
                *(joined_at if user.is_verified else NULL, name, NO_PASSWORD),
                *(TRUE if is_active else FALSE, FALSE, FALSE),
                TRUE if chance() < 0.6 else FALSE,  # noqa: PLR2004
                *(joined_at, array_of([Method.PASSKEY.name] if user.factor_at else [])),
            )
        )
        rows.last_seen.append((user_id, text_at(user.log_ins[-1]) if user.log_ins else NULL))
        if chance() >= 0.8:  # noqa: PLR2004
            website = ""
        locale = "en" if chance() < 0.75 else "de"  # noqa: PLR2004
        rows.profiles.append((user_id, choose(BIOS), website, locale, choose(names.TIME_ZONES)))
        rows.groups += ((user_id, group_id) for group_id in user.groups)
        self._founders.update(dict.fromkeys(founded, user))
        for index, role in self._roles(founded).items():
            self._add_membership(rows, user, index, role, history)
        if is_active:
            self._add_sessions(rows, user)
        else:
            self._suspend(rows, user, history)

    def _imagine(self, user: GeneratedUser) -> None:
        """Decide when a user without a history signed in."""
        user.user_agent = self._any(names.USER_AGENTS)
        user.is_verified = self._chance() < 0.9 or user.is_founder  # noqa: PLR2004
        age = user.leaves - user.joined
        if self._chance() < 0.8:  # noqa: PLR2004
            user.log_ins.append(user.leaves - age * self._chance() ** 4)
        for _session in range(self._any(SESSIONS)):
            user.log_ins.append(user.leaves - min(age, 29 * DAY) * self._chance())
        user.log_ins.sort()

    def _add_sessions(self, rows: Rows, user: GeneratedUser) -> None:
        """Add the sessions of the last sign-ins; a new second factor has ended earlier ones."""
        since = max(self._now - self._session_ttl, user.factor_at or 0)
        for at in user.log_ins[-MAX_SESSIONS:]:
            if at > since:
                began_at = text_at(at)
                proof: Row = (array_of(["pwd"]), "1", NULL)
                if user.factor_at:
                    proof = (array_of(["swk", "user", MULTIPLE]), "2", began_at)
                rows.sessions.append(
                    (
                        *(id_at(at, self._rng), user.id, user.user_agent, user.ip),
                        *(began_at, began_at, text_at(at + self._session_ttl), began_at, *proof),
                    )
                )

    def _suspend(self, rows: Rows, user: GeneratedUser, history: History | None) -> None:
        reason = self._any(names.REASONS)
        until = None
        if self._chance() < 0.3:  # noqa: PLR2004
            until = self._now + 60 * DAY * (0.1 + self._chance())
        rows.suspensions.append(
            (user.id, reason, text_at(until) if until else NULL, text_at(user.leaves))
        )
        if history:
            history.suspend(rows, user, reason, until)

    def _founded_by(self, number: int) -> range:
        """Return the indices of a user's organisations."""
        count = len(self._organizations)
        return range(number * count // self.size, (number + 1) * count // self.size)

    def _roles(self, founded: range) -> dict[int, str]:
        """Return a user's roles by organisation; a few organisations have most members."""
        chance, count = self._chance, len(self._organizations)
        roles: dict[int, str] = {}
        for _membership in range(min(int(3 * chance()), count)):
            index = int(count * chance() ** 2)
            roles[index] = Role.ADMIN if chance() < 0.1 else Role.MEMBER  # noqa: PLR2004
        return roles | dict.fromkeys(founded, Role.OWNER)

    def _add_membership(
        self, rows: Rows, user: GeneratedUser, index: int, role: str, history: History | None
    ) -> None:
        """Add a membership, unless the user left before the organisation was founded.

        Users accept an invitation at a sign-in; others were imported.
        """
        organization = self._organizations[index]
        since = max(user.joined, organization.founded)
        if role == Role.OWNER:
            at = since
            if history:
                history.found(rows, user, organization)
        elif since >= user.leaves:
            return
        else:
            signed_in = user.first_log_in_since(since)
            at = since if signed_in is None else signed_in + min(60, (user.leaves - signed_in) / 2)
            membership = Joining(organization, at, role)
            if history and signed_in is None:
                history.import_member(rows, user, membership)
            elif history:
                history.join(rows, user, membership, self._founders.get(index))
        rows.memberships.append((id_at(at, self._rng), organization.id, user.id, role, text_at(at)))


def _group_sets(group_ids: Sequence[int]) -> list[Row]:
    """Return sets of groups, weighted by repetition: most are empty, few have two groups."""
    texts = [str(group_id) for group_id in group_ids]
    ones, pairs = list(combinations(texts, 1)), list(combinations(texts, 2))
    return [()] * 5 * len(pairs) + ones * (3 * len(pairs) // len(ones)) + pairs


@cache
def _identities() -> list[Row]:
    """Return names with the prefixes of a username and a mailbox, and a website.

    The user's number is appended to the prefixes, so that they are unique.
    """
    identities: list[Row] = []
    for given, family in product(names.GIVEN, names.FAMILY):
        username = canonical(f"{given}.{family}")
        mailbox = unicodedata.normalize("NFKD", username).encode("ascii", "ignore").decode()
        website = f"https://{mailbox.partition('.')[0]}.example"
        identities.append((f"{given} {family}", username, mailbox, website))
    return identities
