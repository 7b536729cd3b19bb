"""Fill the database with made-up people."""

import random
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, models, transaction
from django.utils import timezone
from psycopg import sql

from core.roles.owner import as_owner
from users.accounts.models import LastSeen, Profile, User
from users.activity.models import DailyCount
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension
from users.demo import names
from users.demo.accounts import create_demo_accounts, refresh_demo_passwords
from users.demo.population import Population, Row, Rows
from users.organizations.models import Membership, Organization

GROUPS: Final = {
    "Auditors": ("view_event", "view_dailycount"),
    "Editors": ("view_user", "change_profile"),
    "Engineering": ("view_user",),
    "Moderators": ("view_user", "change_user"),
    "Support": ("view_user", "view_profile", "view_session"),
}
CHUNK: Final = 20_000
BAR: Final = 30
# The attribute of `Rows`, where it goes, and its columns.
TABLES: Final[Sequence[tuple[str, type[models.Model], str]]] = (
    (
        "users",
        User,
        (
            "id username email email_verified_at name password is_active is_staff is_superuser "
            "is_public date_joined authorization_version"
        ),
    ),
    ("profiles", Profile, "user_id bio website locale time_zone"),
    ("last_seen", LastSeen, "user_id at"),
    ("groups", User.groups.through, "user_id group_id"),
    ("memberships", Membership, "id organization_id user_id role created_at"),
    ("sessions", Session, "id user_id user_agent ip created_at last_seen_at expires_at"),
    ("suspensions", Suspension, "user_id reason until created_at"),
)


class Command(BaseCommand):
    """Write people in bulk, past the services: what is made up leaves no audit trail."""

    help = "Fills the database with made-up people, the same ones every time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the sizes."""
        parser.add_argument("--users", type=int, default=2_000)
        parser.add_argument("--organizations", type=int, default=60)
        parser.add_argument(
            "--if-empty", action="store_true", help="Add people only if there are none."
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Seed in one transaction, all or nothing; then have PostgreSQL look at it."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
            seeded = not (options["if_empty"] and User.objects.exists())
            if seeded:
                self._seed(options["users"], options["organizations"])
                create_demo_accounts()
            refresh_demo_passwords()
        if seeded and not connection.in_atomic_block:
            with as_owner(), connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    def _seed(self, user_count: int, organization_count: int) -> None:
        rng = random.Random(2026)  # noqa: S311 - the same names every time
        organizations = Organization.objects.bulk_create(
            Organization(name=f"{rng.choice(names.PLACES)} {rng.choice(names.TRADES)}")
            for _number in range(organization_count)
        )
        population = Population(
            size=user_count,
            now=timezone.now(),
            group_ids=[group.pk for group in _create_groups()],
            organization_ids=[organization.pk for organization in organizations],
        )
        done = 0
        for rows in population.chunks(CHUNK):
            _copy(rows)
            done += len(rows.users)
            self._show(done, user_count)
        DailyCount.objects.bulk_create(_history(rng, population))

    def _show(self, done: int, total: int) -> None:
        """Draw the progress, for people who watch."""
        if total > CHUNK and self.stdout.isatty():
            bar = "█" * (BAR * done // total)
            end = "\n" if done == total else ""
            self.stdout.write(f"\r{bar:░<{BAR}} {done:,} of {total:,} people", ending=end)
            self.stdout.flush()


def _copy(rows: Rows) -> None:
    with connection.cursor() as cursor:
        for attribute, model, columns in TABLES:
            _copy_rows(cursor, model, columns.split(), getattr(rows, attribute))


def _copy_rows(
    cursor: Any, model: type[models.Model], columns: Iterable[str], rows: Iterable[Row]
) -> None:
    table = sql.Identifier(model._meta.db_table)  # noqa: SLF001 - Django's public API
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _create_groups() -> list[Group]:
    groups = Group.objects.bulk_create(Group(name=name) for name in GROUPS)
    for group in groups:
        group.permissions.set(Permission.objects.filter(codename__in=GROUPS[group.name]))
    return groups


def _history(rng: random.Random, population: Population) -> list[DailyCount]:
    """Count the made-up people on the days they joined, and some log-ins."""
    return [
        DailyCount(day=day, tag=tag, count=count)
        for day, number in population.joined.items()
        for tag, count in (
            (Tag.SIGN_UP_REQUESTED, number + rng.randint(0, 2)),
            (Tag.USER_CREATED, number),
            (Tag.LOGGED_IN, number * rng.randint(3, 9)),
        )
    ]
