"""Declarations of which tables' changes touch which entities.

Each app declares its tables in a `versions` module next to its models, and creates the triggers in
a migration. A test compares both.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import connection, models

from core.versions.triggers import PREFIX, TouchTriggers

# The function of `versions/0001_initial`, for entities that no other entity covers.
TOUCH_ENTITIES: Final = "touch_entities"

FOUND: Final = """
    SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(pg_trigger.oid, true), prosrc,
        tgenabled::text
    FROM pg_trigger
    JOIN pg_proc ON pg_proc.oid = tgfoid
    JOIN pg_class ON pg_class.oid = tgrelid
    WHERE tgname LIKE %s AND relnamespace = current_schema::regnamespace
"""
# Fires for the service's statements.
ENABLED: Final = "O"


def global_entity(name: str) -> UUID:
    """Return the key of an entity that there is once, by its name."""
    return uuid5(NAMESPACE_URL, f"roster:entity:{name}")


@dataclass(frozen=True)
class Touches:
    """A table whose changed rows touch entities.

    ``keys`` are names of columns, or the key of a global entity. ``hidden`` names the fields that
    no answer shows, with the reason: an update of these alone touches nothing.
    """

    model: type[models.Model]
    keys: tuple[str, ...] | UUID
    function: str = TOUCH_ENTITIES
    hidden: Mapping[str, str] = field(default_factory=dict)

    @property
    def triggers(self) -> TouchTriggers:
        """The triggers that the database should have."""
        fields = self.model._meta.concrete_fields
        shown = tuple(str(each.column) for each in fields if each.name not in self.hidden)
        return TouchTriggers(
            table=self.model._meta.db_table,
            function=self.function,
            keys=(f"'{self.keys}'::uuid",) if isinstance(self.keys, UUID) else self.keys,
            columns=shown if self.hidden else (),
        )


@dataclass(frozen=True)
class TouchesNothing:
    """A table that answers may show, but not cached ones; the reason why."""

    model: type[models.Model]
    reason: str


_declared: Final[list[Touches | TouchesNothing]] = []


def register_touches(*tables: Touches | TouchesNothing) -> None:
    """Declare tables."""
    _declared.extend(tables)


def declared_tables() -> tuple[Touches | TouchesNothing, ...]:
    """Return all declarations."""
    return tuple(_declared)


def expected_triggers() -> dict[tuple[str, str], tuple[str, str, str]]:
    """Return what `found_triggers` should return."""
    all_triggers = [each.triggers for each in _declared if isinstance(each, Touches)]
    return {
        (triggers.table, name): (definition, triggers.body, ENABLED)
        for triggers in all_triggers
        for name, definition in triggers.definitions.items()
    }


def found_triggers() -> dict[tuple[str, str], tuple[str, str, str]]:
    """Return the database's definition, code and state, by table and name of the trigger."""
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [f"{PREFIX}%"])
        return {(table, name): (*values,) for table, name, *values in cursor.fetchall()}


@contextmanager
def without_touches(tables: Iterable[type[models.Model]]) -> Iterator[None]:
    """Disable the triggers of the tables until the block ends.

    Only for rows that no answer can have been about, such as the first ones of an empty database.
    Call it in a transaction, as the tables' owner; it locks the tables against writers.
    """
    names = {model._meta.db_table for model in tables}
    triggers = [(table, name) for table, name in expected_triggers() if table in names]
    with connection.cursor() as cursor:
        for table, name in triggers:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
        yield
        for table, name in triggers:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {name}")
