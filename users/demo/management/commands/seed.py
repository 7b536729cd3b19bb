"""Fills the database with generated users."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction
from django.utils import timezone

from core.database.copies import copy_rows
from core.database.roles.owner import as_owner
from core.progress import ProgressBar
from core.versions.touches import without_touches
from users.accounts.models import User
from users.accounts.services.permissions import MODEL
from users.activity.models import Event, PendingCount
from users.activity.services.fold import fold_segments
from users.activity.services.roll_up import has_backlog, roll_up_all
from users.activity.services.sealing import seal_all
from users.demo import names
from users.demo.accounts import create_demo_accounts, refresh_demo_passwords
from users.demo.bulk import MODELS, copy_chunk, copy_chunks, without_indexes
from users.demo.history import History
from users.demo.organizations import (
    DAY,
    HISTORY,
    GeneratedOrganization,
    generate_organizations,
)
from users.demo.population import Population
from users.demo.rows import Rows, text_at
from users.organizations.models import Organization

CHUNK: Final = 20_000


class Command(BaseCommand):
    """`manage.py seed`; writes in bulk, bypassing the services.

    Some users get events, which are sealed and rolled up as always.
    """

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
        self._bar = ProgressBar(self.stdout)
        with as_owner() if in_bulk else nullcontext(), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
            if seeded:
                with self._bulk() if in_bulk else nullcontext():
                    self._seed(options["users"], options["organizations"])
            refresh_demo_passwords()
        if seeded and not connection.in_atomic_block:
            _roll_up()
            with as_owner(), connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    @contextmanager
    def _bulk(self) -> Iterator[None]:
        """Load without indexes and, as nothing is known of these rows, without touches."""
        with without_indexes(MODELS, self._show_indexes), without_touches(MODELS):
            yield

    def _seed(self, user_count: int, organization_count: int) -> None:
        now = timezone.now()
        # Before everyone else, because the administrator has invited and suspended others.
        accounts = create_demo_accounts(now - dt.timedelta(seconds=HISTORY + 7 * DAY))
        groups = _create_groups()
        history = None
        # Events cannot be added to a trail that is sealed until later.
        if not Event.objects.exists():
            history = _begin_history(accounts, groups, size=user_count, now=now)
        population = Population(
            size=user_count,
            now=now,
            group_ids=[group.pk for group in groups],
            organizations=_create_organizations(organization_count, users=user_count, now=now),
            history=history,
        )
        for done in copy_chunks(population.chunks(CHUNK)):
            self._bar.show(done, user_count, "users")

    def _show_indexes(self, done: int, total: int) -> None:
        self._bar.show(done, total, "indexes and constraints")


def _create_organizations(
    count: int, *, users: int, now: dt.datetime
) -> list[GeneratedOrganization]:
    organizations = generate_organizations(count, users=users, now=now.timestamp())
    columns = ("id", "name", "created_at")
    rows = ((each.id, each.name, text_at(each.founded)) for each in organizations)
    copy_rows(Organization, columns, rows)
    return organizations


def _create_groups() -> list[Group]:
    groups = Group.objects.bulk_create(Group(name=name) for name in names.GROUPS)
    for group in groups:
        group.permissions.set(_get_or_create_permission(name) for name in names.GROUPS[group.name])
    return groups


def _get_or_create_permission(name: str) -> Permission:
    app, codename = name.split(".")
    content_type, _created = ContentType.objects.get_or_create(app_label=app, model=MODEL)
    description = f"Can {codename.replace('_', ' ')}"
    permission, _created = Permission.objects.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": description}
    )
    return permission


def _begin_history(
    accounts: Sequence[User], groups: Sequence[Group], *, size: int, now: dt.datetime
) -> History:
    """Return a history, in which the first account has created the groups."""
    administrator = accounts[0]
    history = History(size=size, now=now.timestamp(), administrator_id=administrator.pk.hex)
    rows = Rows()
    for account in accounts:
        history.add_account(rows, account.pk.hex, account.date_joined.timestamp())
    created = accounts[-1].date_joined.timestamp()
    for number, group in enumerate(groups, start=1):
        permissions = sorted(group.permissions.values_list("pk", flat=True))
        new = {"name": group.name, "permissions": permissions}
        history.add_group(rows, created + 60 * number, group.pk, new)
    with connection.cursor() as cursor:
        copy_chunk(cursor, rows)
    return history


def _roll_up() -> None:
    """Fill the analytics from the generated events, as the periodic tasks would."""
    seal_all()
    roll_up_all()
    while has_backlog() or PendingCount.objects.exists():
        roll_up_all()
    fold_segments()
