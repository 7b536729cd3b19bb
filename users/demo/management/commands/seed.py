"""Fill the database with made-up people."""

import datetime as dt
import random
import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from users.accounts.identifiers import canonical
from users.accounts.models import Profile, User
from users.activity.models import DailyCount
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension
from users.demo import names
from users.demo.accounts import create_demo_accounts, refresh_demo_passwords
from users.organizations.models import Membership, Organization, Role

GROUPS = {
    "Auditors": ("view_event", "view_dailycount"),
    "Editors": ("view_user", "change_profile"),
    "Engineering": ("view_user",),
    "Moderators": ("view_user", "change_user"),
    "Support": ("view_user", "view_profile", "view_session"),
}
DAYS_OF_HISTORY = 730


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

    @transaction.atomic
    def handle(self, *_args: Any, **options: Any) -> None:
        """Seed in one transaction: all or nothing."""
        if not (options["if_empty"] and User.objects.exists()):
            self._seed(options["users"], options["organizations"])
            create_demo_accounts()
        refresh_demo_passwords()

    def _seed(self, user_count: int, organization_count: int) -> None:
        rng = random.Random(2026)  # noqa: S311 - the same people every time
        groups = _create_groups()
        users = User.objects.bulk_create(_user(rng, number) for number in range(user_count))
        Profile.objects.bulk_create(_profile(rng, user) for user in users)
        User.groups.through.objects.bulk_create(
            User.groups.through(user=user, group=group)
            for user in users
            for group in rng.sample(groups, rng.choices((0, 1, 2), (5, 3, 1))[0])
        )
        organizations = Organization.objects.bulk_create(
            Organization(name=f"{rng.choice(names.PLACES)} {rng.choice(names.TRADES)}")
            for _number in range(organization_count)
        )
        Membership.objects.bulk_create(_memberships(rng, users, organizations))
        Session.objects.bulk_create(
            Session(
                user=user,
                user_agent=rng.choice(names.USER_AGENTS),
                # Addresses for documentation (RFC 5737).
                ip=f"203.0.113.{rng.randint(1, 254)}",
                last_seen_at=(seen := timezone.now() - dt.timedelta(hours=rng.randrange(700))),
                expires_at=seen + settings.SESSION_IDLE_TTL,
            )
            for user in users
            if user.is_active
            for _session in range(rng.choices((0, 1, 2, 3), (4, 4, 2, 1))[0])
        )
        Suspension.objects.bulk_create(
            Suspension(user=user, reason=rng.choice(names.REASONS))
            for user in users
            if not user.is_active
        )
        DailyCount.objects.bulk_create(_history(rng, users))


def _create_groups() -> list[Group]:
    groups = Group.objects.bulk_create(Group(name=name) for name in GROUPS)
    for group in groups:
        group.permissions.set(Permission.objects.filter(codename__in=GROUPS[group.name]))
    return groups


def _user(rng: random.Random, number: int) -> User:
    given, family = rng.choice(names.GIVEN), rng.choice(names.FAMILY)
    # Every name comes several times among many people, so the number tells them apart.
    username = canonical(f"{given}.{family}{number}")
    mailbox = unicodedata.normalize("NFKD", username).encode("ascii", "ignore").decode()
    joined = timezone.now() - dt.timedelta(seconds=rng.randrange(DAYS_OF_HISTORY * 86_400))
    return User(
        username=username,
        email=f"{mailbox}@{rng.choice(('example.com', 'example.net', 'example.org'))}",
        name=f"{given} {family}",
        password=make_password(None),
        is_active=rng.random() < 0.96,  # noqa: PLR2004
        is_public=rng.random() < 0.6,  # noqa: PLR2004
        date_joined=joined,
        email_verified_at=joined if rng.random() < 0.9 else None,  # noqa: PLR2004
    )


def _profile(rng: random.Random, user: User) -> Profile:
    return Profile(
        user=user,
        bio=rng.choice((*names.BIOS, "")),
        website=f"https://{user.username.split('.')[0]}.example" if user.username.isascii() else "",
        locale=rng.choices(("en", "de"), (3, 1))[0],
        time_zone=rng.choice(names.TIME_ZONES),
    )


def _memberships(
    rng: random.Random, users: list[User], organizations: list[Organization]
) -> list[Membership]:
    """Give every organisation an owner and each person up to two memberships."""
    if not users or not organizations:
        return []
    roles: dict[tuple[Organization, User], Role] = {
        (organization, rng.choice(users)): Role.OWNER for organization in organizations
    }
    for user in users:
        for organization in rng.sample(organizations, min(rng.randint(0, 2), len(organizations))):
            roles.setdefault(
                (organization, user), rng.choices((Role.ADMIN, Role.MEMBER), (1, 9))[0]
            )
    return [
        Membership(organization=organization, user=user, role=role)
        for (organization, user), role in roles.items()
    ]


def _history(rng: random.Random, users: list[User]) -> list[DailyCount]:
    """Count the made-up people on the days they joined, and some log-ins."""
    joined: dict[dt.date, int] = {}
    for user in users:
        joined[user.date_joined.date()] = joined.get(user.date_joined.date(), 0) + 1
    return [
        DailyCount(day=day, tag=tag, count=count)
        for day, number in joined.items()
        for tag, count in (
            (Tag.SIGN_UP_REQUESTED, number + rng.randint(0, 2)),
            (Tag.USER_CREATED, number),
            (Tag.LOGGED_IN, number * rng.randint(3, 9)),
        )
    ]
