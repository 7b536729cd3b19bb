"""Made-up people and what belongs to them, as rows to copy; the same ones every time."""

import datetime as dt
import random
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from users.accounts.identifiers import canonical
from users.demo import names
from users.organizations.models import Role

HISTORY: Final = dt.timedelta(days=730)
DOMAINS: Final = ("example.com", "example.net", "example.org")
# Not the hash of any password.
NO_PASSWORD: Final = "!made up"  # noqa: S105

Row = tuple[Any, ...]


@dataclass(slots=True)
class Rows:
    """Rows by table, in the order of the columns that `copy_rows` names."""

    users: list[Row] = field(default_factory=list)
    profiles: list[Row] = field(default_factory=list)
    last_seen: list[Row] = field(default_factory=list)
    groups: list[Row] = field(default_factory=list)
    memberships: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    suspensions: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Population:
    """So many people, who joined one after the other until ``now``.

    A chunk of them exists at a time, so their number does not matter for the memory.
    """

    size: int
    now: dt.datetime
    group_ids: Sequence[int]
    organization_ids: Sequence[UUID]
    joined: Counter[dt.date] = field(default_factory=Counter)
    _rng: random.Random = field(default_factory=lambda: random.Random(2026))  # noqa: S311

    def chunks(self, length: int) -> Iterator[Rows]:
        """Yield everybody's rows, those of ``length`` people at a time."""
        for first in range(0, self.size, length):
            rows = Rows()
            for number in range(first, min(first + length, self.size)):
                self._add(rows, number)
            yield rows

    def new_id(self, moment: dt.datetime) -> UUID:
        """Return a UUIDv7 of the moment, out of our own random numbers."""
        milliseconds = int(moment.timestamp() * 1_000)
        bits = self._rng.getrandbits(74)
        return UUID(
            int=milliseconds << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0x2 << 62 | bits % (1 << 62)
        )

    def _add(self, rows: Rows, number: int) -> None:
        """Make one person."""
        rng, chance = self._rng, self._rng.random
        joined = self.now - HISTORY * (1 - (number + chance()) / self.size)
        self.joined[joined.date()] += 1
        user_id = self.new_id(joined)
        given, family = rng.choice(names.GIVEN), rng.choice(names.FAMILY)
        username, mailbox = _identifiers(given, family)
        is_active = chance() < 0.96  # noqa: PLR2004
        rows.users.append(
            (
                user_id,
                f"{username}{number}",
                f"{mailbox}{number}@{rng.choice(DOMAINS)}",
                joined if chance() < 0.9 else None,  # noqa: PLR2004
                f"{given} {family}",
                NO_PASSWORD,
                is_active,
                False,
                False,
                chance() < 0.6,  # noqa: PLR2004
                joined,
                0,
            )
        )
        seen = self.now - (self.now - joined) * chance() ** 4 if chance() < 0.8 else None  # noqa: PLR2004
        rows.last_seen.append((user_id, seen))
        website = f"https://{mailbox.partition('.')[0]}.example" if chance() < 0.8 else ""  # noqa: PLR2004
        locale = "en" if chance() < 0.75 else "de"  # noqa: PLR2004
        bio, zone = rng.choice((*names.BIOS, "")), rng.choice(names.TIME_ZONES)
        rows.profiles.append((user_id, bio, website, locale, zone))
        for group_id in rng.sample(self.group_ids, rng.choices((0, 1, 2), (5, 3, 1))[0]):
            rows.groups.append((user_id, group_id))
        for index, role in self._roles(number).items():
            membership_id = self.new_id(joined)
            organization_id = self.organization_ids[index]
            rows.memberships.append((membership_id, organization_id, user_id, role, joined))
        if not is_active:
            rows.suspensions.append((user_id, rng.choice(names.REASONS), None, self.now))
            return
        for _session in range(rng.choices((0, 1, 2, 3), (4, 4, 2, 1))[0]):
            seen = self.now - dt.timedelta(hours=24 * 29 * chance())
            # Addresses for documentation (RFC 5737).
            ip, agent = f"203.0.113.{rng.randint(1, 254)}", rng.choice(names.USER_AGENTS)
            expires = seen + settings.SESSION_IDLE_TTL
            rows.sessions.append((self.new_id(seen), user_id, agent, ip, seen, seen, expires))

    def _roles(self, number: int) -> dict[int, str]:
        """Return the person's roles by organisation: a few have most of the people."""
        count = len(self.organization_ids)
        roles: dict[int, str] = {}
        for _membership in range(min(self._rng.randint(0, 2), count)):
            index = int(count * self._rng.random() ** 2)
            roles[index] = Role.ADMIN if self._rng.random() < 0.1 else Role.MEMBER  # noqa: PLR2004
        # Every organisation has one owner, and nobody owns two unless there are few people.
        owned = range(number * count // self.size, (number + 1) * count // self.size)
        return roles | dict.fromkeys(owned, Role.OWNER)


@cache
def _identifiers(given: str, family: str) -> tuple[str, str]:
    """Return how a username and a mailbox begin; numbers tell people of one name apart."""
    username = canonical(f"{given}.{family}")
    mailbox = unicodedata.normalize("NFKD", username).encode("ascii", "ignore").decode()
    return username, mailbox
