"""Generated users and related rows for `COPY`, from a fixed seed."""

import datetime as dt
import random
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, product
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings

from users.accounts.identifiers import canonical
from users.demo import names
from users.organizations.models import Role

DAY: Final = 24 * 60 * 60
HISTORY: Final = 730 * DAY
DOMAINS: Final = ("example.com", "example.net", "example.org")
# Reserved for documentation (RFC 5737).
ADDRESSES: Final = tuple(f"203.0.113.{number}" for number in range(1, 255))
# Not a valid hash, so no password matches.
NO_PASSWORD: Final = "!made up"  # noqa: S105
BIOS: Final = (*names.BIOS, "")
# Numbers of sessions per user, weighted by repetition.
SESSIONS: Final = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3)
TRUE, FALSE, NULL = "t", "f", r"\N"

T = TypeVar("T")
# A row in the text format of `COPY`; no generated value needs escaping.
Row = tuple[str, ...]


@dataclass(slots=True)
class Rows:
    """Rows by table, with columns in the order of `users.demo.bulk.TABLES`."""

    users: list[Row] = field(default_factory=list)
    profiles: list[Row] = field(default_factory=list)
    last_seen: list[Row] = field(default_factory=list)
    groups: list[Row] = field(default_factory=list)
    memberships: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    suspensions: list[Row] = field(default_factory=list)


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
        organization_ids: Sequence[UUID],
    ) -> None:
        """Prepare the generator. ``joined`` counts the generated users by day."""
        self.size = size
        self.joined: Counter[str] = Counter()
        self._now = now.timestamp()
        self._session_ttl = settings.SESSION_IDLE_TTL.total_seconds()
        self._organization_ids = [identifier.hex for identifier in organization_ids]
        self._group_sets = _group_sets(group_ids)
        self._rng = random.Random(2026)  # noqa: S311
        self._chance = self._rng.random

    def chunks(self, length: int) -> Iterator[Rows]:
        """Yield the rows of ``length`` users at a time."""
        for first in range(0, self.size, length):
            rows = Rows()
            for number in range(first, min(first + length, self.size)):
                self._add(rows, number)
            yield rows

    def _new_id(self, seconds: float) -> str:
        """Return a UUIDv7 of the given time, from the seeded random numbers."""
        milliseconds = int(seconds * 1_000)
        bits = self._rng.getrandbits(74)
        value = milliseconds << 80 | 0x7 << 76 | bits >> 62 << 64 | 0x2 << 62 | bits % (1 << 62)
        return f"{value:032x}"

    def _any(self, options: Sequence[T]) -> T:
        return options[int(self._chance() * len(options))]

    def _add(self, rows: Rows, number: int) -> None:
        """Generate one user and add their rows."""
        chance, choose = self._chance, self._any
        joined = self._now - HISTORY * (1 - (number + chance()) / self.size)
        joined_at = _text(joined)
        self.joined[joined_at[:10]] += 1
        user_id = self._new_id(joined)
        name, username, mailbox, website = choose(_identities())
        is_active = chance() < 0.96  # noqa: PLR2004
        rows.users.append(
            (
                user_id,
                f"{username}{number}",
                f"{mailbox}{number}@{choose(DOMAINS)}",
                joined_at if chance() < 0.9 else NULL,  # noqa: PLR2004
                name,
                NO_PASSWORD,
                TRUE if is_active else FALSE,
                FALSE,
                FALSE,
                TRUE if chance() < 0.6 else FALSE,  # noqa: PLR2004
                joined_at,
            )
        )
        seen = NULL
        if chance() < 0.8:  # noqa: PLR2004
            seen = _text(self._now - (self._now - joined) * chance() ** 4)
        rows.last_seen.append((user_id, seen))
        if chance() >= 0.8:  # noqa: PLR2004
            website = ""
        locale = "en" if chance() < 0.75 else "de"  # noqa: PLR2004
        rows.profiles.append((user_id, choose(BIOS), website, locale, choose(names.TIME_ZONES)))
        for group_id in choose(self._group_sets):
            rows.groups.append((user_id, group_id))
        for index, role in self._roles(number).items():
            membership_id = self._new_id(joined)
            organization_id = self._organization_ids[index]
            rows.memberships.append((membership_id, organization_id, user_id, role, joined_at))
        if not is_active:
            reason = choose(names.REASONS)
            rows.suspensions.append((user_id, reason, NULL, _text(self._now)))
            return
        for _session in range(choose(SESSIONS)):
            used = self._now - 29 * DAY * chance()
            used_at, expires_at = _text(used), _text(used + self._session_ttl)
            agent, ip = choose(names.USER_AGENTS), choose(ADDRESSES)
            session_id = self._new_id(used)
            rows.sessions.append(
                (
                    *(session_id, user_id, agent, ip, used_at, used_at, expires_at),
                    *("{pwd}", "1", used_at),
                )
            )

    def _roles(self, number: int) -> dict[int, str]:
        """Return a user's roles by organisation; a few organisations have most members."""
        chance, count = self._chance, len(self._organization_ids)
        roles: dict[int, str] = {}
        for _membership in range(min(int(3 * chance()), count)):
            index = int(count * chance() ** 2)
            roles[index] = Role.ADMIN if chance() < 0.1 else Role.MEMBER  # noqa: PLR2004
        # Every organisation has one owner; a user owns two only if there are few users.
        for index in range(number * count // self.size, (number + 1) * count // self.size):
            roles[index] = Role.OWNER
        return roles


def _text(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


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
