"""Fills the database with generated users."""

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from core.database.roles.owner import as_owner
from core.versions.touches import without_touches
from users.accounts.models import User
from users.activity.models import DailyCount
from users.activity.tags import Tag
from users.demo import names
from users.demo.accounts import create_demo_accounts, refresh_demo_passwords
from users.demo.bulk import MODELS, copy_chunks, without_indexes
from users.demo.population import Population
from users.organizations.models import Organization

GROUPS: Final = {
    "Auditors": ("view_event", "view_dailycount"),
    "Editors": ("view_user", "change_profile"),
    "Engineering": ("view_user",),
    "Moderators": ("view_user", "change_user"),
    "Support": ("view_user", "view_profile", "view_session"),
}
CHUNK: Final = 20_000
BAR: Final = 30


class Command(BaseCommand):
    """`manage.py seed`; writes in bulk, bypassing the services and so the audit trail."""

    help = "Fills the database with generated users, the same ones every time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--users", type=int, default=2_000)
        parser.add_argument("--organizations", type=int, default=60)
        parser.add_argument(
            "--if-empty", action="store_true", help="Add users only if there are none."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Seed in one transaction; then update the planner's statistics."""
        is_empty = not User.objects.exists()
        seeded = is_empty or not options["if_empty"]
        # Only the owner can drop indexes, and rebuilding them pays off beyond one chunk.
        in_bulk = is_empty and options["users"] > CHUNK
        self._is_watched = options["users"] > CHUNK and self.stdout.isatty()
        with as_owner() if in_bulk else nullcontext(), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
            if seeded:
                with self._bulk() if in_bulk else nullcontext():
                    self._seed(options["users"], options["organizations"])
                create_demo_accounts()
            refresh_demo_passwords()
        if seeded and not connection.in_atomic_block:
            with as_owner(), connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    @contextmanager
    def _bulk(self) -> Iterator[None]:
        """Load without indexes and, as nothing is known of these rows, without touches."""
        with without_indexes(MODELS, self._show_indexes), without_touches(MODELS):
            yield

    def _seed(self, user_count: int, organization_count: int) -> None:
        rng = random.Random(2026)  # noqa: S311 - reproducible data, not a secret
        population = Population(
            size=user_count,
            now=timezone.now(),
            group_ids=[group.pk for group in _create_groups()],
            organization_ids=_create_organizations(rng, organization_count),
        )
        for done in copy_chunks(population.chunks(CHUNK)):
            self._show(done, user_count, "users")
        DailyCount.objects.bulk_create(_history(rng, population))

    def _show_indexes(self, done: int, total: int) -> None:
        self._show(done, total, "indexes and constraints")

    def _show(self, done: int, total: int, what: str) -> None:
        """Draw a progress bar on a terminal."""
        if self._is_watched:
            bar = "█" * (BAR * done // total)
            end = "\n" if done == total else ""
            self.stdout.write(f"\r{bar:░<{BAR}} {done:,} of {total:,} {what}", ending=end)
            self.stdout.flush()


def _create_organizations(rng: random.Random, total: int) -> list[UUID]:
    ids: list[UUID] = []
    while len(ids) < total:
        chunk = Organization.objects.bulk_create(
            Organization(name=f"{rng.choice(names.PLACES)} {rng.choice(names.TRADES)}")
            for _number in range(min(CHUNK, total - len(ids)))
        )
        ids += (organization.pk for organization in chunk)
    return ids


def _create_groups() -> list[Group]:
    groups = Group.objects.bulk_create(Group(name=name) for name in GROUPS)
    for group in groups:
        group.permissions.set(Permission.objects.filter(codename__in=GROUPS[group.name]))
    return groups


def _history(rng: random.Random, population: Population) -> list[DailyCount]:
    """Return daily counts of the generated users' sign-ups, and of some log-ins."""
    return [
        DailyCount(day=dt.date.fromisoformat(day), tag=tag, count=count)
        for day, number in population.joined.items()
        for tag, count in (
            (Tag.SIGN_UP_REQUESTED, number + rng.randint(0, 2)),
            (Tag.USER_CREATED, number),
            (Tag.LOGGED_IN, number * rng.randint(3, 9)),
        )
    ]
