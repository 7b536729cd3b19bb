"""Enough users that PostgreSQL prefers indexes to sequential scans."""

from typing import Final

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from tests.support.factories import make_session
from users.accounts.models import EmailAddress, LastSeen, User

PEOPLE: Final = 5_000


def build_many_people() -> None:
    unusable = make_password(None)
    User.objects.bulk_create(
        User(username=f"person{number}", email=f"person{number}@example.org", password=unusable)
        for number in range(PEOPLE)
    )
    # Triggers and foreign keys look the users up: by a scan of the whole table, while PostgreSQL
    # takes it for empty.
    analyze(User)
    users = list(User.objects.only("username"))
    LastSeen.objects.bulk_create(LastSeen(user=user) for user in users)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=f"{user.username}@example.net", verified_at=timezone.now())
        for user in users
    )
    make_session(User.objects.get(username="person7"))
    analyze(LastSeen, EmailAddress)


def analyze(*models: type[Model]) -> None:
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {model._meta.db_table}")
