"""Bulk seeding: indexes are dropped and rebuilt, and the data is reproducible."""

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection

from core.database.roles.owner import as_owner
from core.versions.models import VersionPart
from core.versions.touches import expected_triggers, found_triggers
from tests.support.factories import make_user
from users.accounts.models import LastSeen, Profile, User
from users.demo.bulk import MODELS, without_indexes
from users.demo.history import History
from users.demo.management.commands import seed
from users.demo.organizations import generate_organizations
from users.demo.population import Population
from users.organizations.models import Membership, Organization, Role

NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
TABLES = {model._meta.db_table for model in MODELS}


@pytest.fixture
def owner(transactional_db: None) -> Iterator[None]:
    with as_owner():
        yield


def catalogue() -> list[tuple[Any, ...]]:
    """Return the definitions of all indexes, constraints and privileges in the database."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
            WHERE schemaname = current_schema
            UNION ALL
            SELECT 'constraint ' || contype::text, conrelid::regclass::text, conname,
                concat_ws(' ', pg_get_constraintdef(oid), convalidated, condeferrable, condeferred)
            FROM pg_constraint WHERE connamespace = current_schema::regnamespace
            UNION ALL
            SELECT 'rights', relname, pg_get_userbyid(relowner), relacl::text FROM pg_class
            WHERE relnamespace = current_schema::regnamespace AND relkind = 'r'
            ORDER BY 1, 2, 3
        """)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def secondary(rows: list[tuple[Any, ...]]) -> set[str]:
    """Return the names of the loaded tables' indexes and constraints."""
    return {
        name
        for kind, table, name, _definition in rows
        if table in TABLES
        and (kind in {"constraint u", "constraint f"} or kind == "index")
        and not name.endswith("_pkey")
    }


@pytest.mark.usefixtures("owner")
def test_indexes_and_constraints_are_rebuilt_unchanged() -> None:
    before = catalogue()
    assert {"user_email_unique", "user_order_name", "membership_unique"} <= secondary(before)

    with without_indexes(MODELS):
        during = catalogue()

    assert secondary(during) == set()
    dropped = [row for row in before if row not in during]
    kinds = {kind for kind, *_rest in dropped}
    assert kinds == {"index", "constraint u", "constraint f"}
    assert catalogue() == before


@pytest.mark.usefixtures("owner")
def test_failure_rolls_everything_back() -> None:
    before = catalogue()

    def fail() -> None:
        with without_indexes(MODELS):
            make_user("alice")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert catalogue() == before
    assert not User.objects.exists()


@pytest.mark.usefixtures("owner")
def test_rows_are_validated_when_the_block_ends() -> None:
    before = catalogue()

    twins = [User(username="alice", email=f"alice{number}@example.org") for number in range(2)]
    with pytest.raises(IntegrityError, match="user_username_unique"), without_indexes(MODELS):
        User.objects.bulk_create(twins)
    with pytest.raises(IntegrityError, match="foreign key"), without_indexes(MODELS):
        LastSeen.objects.create(user_id=UUID(int=1))

    assert catalogue() == before
    assert not User.objects.exists()


@pytest.mark.usefixtures("transactional_db")
def test_the_service_cannot_drop_indexes() -> None:
    with pytest.raises(ProgrammingError, match="must be owner"), without_indexes(MODELS):
        pass


@pytest.mark.usefixtures("transactional_db")
def test_several_chunks_are_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "CHUNK", 50)
    before = catalogue()

    call_command(seed.Command(), users=120, organizations=6)

    assert catalogue() == before
    users = User.objects.exclude(email__endswith="@roster.example")
    assert users.count() == 120
    assert Profile.objects.count() == LastSeen.objects.count() == User.objects.count()
    owners = Membership.objects.filter(role=Role.OWNER).values_list("organization")
    assert sorted(owners) == sorted(Organization.objects.values_list("pk"))
    assert found_triggers() == expected_triggers()
    assert not VersionPart.objects.filter(entity__in=users.values("pk")).exists()
    newest = users.latest("date_joined")
    assert newest.name
    assert newest.pk.version == 7
    newest.full_clean(exclude=["password"])


def test_seeding_is_deterministic() -> None:
    def all_rows(length: int) -> list[Any]:
        population = Population(
            size=300,
            now=NOW,
            group_ids=range(1, 6),
            organizations=generate_organizations(2, users=300, now=NOW.timestamp()),
            history=History(size=300, now=NOW.timestamp(), administrator_id=UUID(int=3).hex),
        )
        chunks = list(population.chunks(length))
        assert sum(len(chunk.users) for chunk in chunks) == 300
        return [
            [row for chunk in chunks for row in getattr(chunk, attribute)]
            for attribute in chunks[0].__slots__
        ]

    assert all_rows(300) == all_rows(70)
