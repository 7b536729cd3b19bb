"""The registry of personal data, for its export and erasure.

Each app registers its tables in a `personal_data` module next to its models. The data export and
the erasure of a user follow from the registry alone. A test fails for every table and column that
is not registered.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import models
from django.db.models import Q

from core.ratelimit.limits import Bucket, erase

NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class DataSubject:
    """The user whose data is exported or erased, with all identifiers."""

    id: UUID
    # For an export: the verified addresses. For an erasure: all current, former and requested ones,
    # except those that belong to another user by now.
    emails: frozenset[str] = frozenset()
    # The addresses and the username.
    logins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DeleteRows:
    """Erasure deletes the rows, after the files that they reference."""


@dataclass(frozen=True, slots=True)
class ReplaceValues:
    """Erasure overwrites these columns; callables are called, expressions are evaluated.

    ``retained`` maps the unchanged columns to the reason.
    """

    values: Mapping[str, Any]
    retained: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetainRows:
    """Erasure keeps the rows unchanged, for the given reason."""

    reason: str


Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalTable:
    """A table with personal data.

    ``row_conditions`` returns the conditions for a user's rows; an index must serve each of them.
    ``exported`` lists the columns of the data export, and lookups into related tables.
    ``export_row`` may change an exported row, or omit it by returning None. ``not_exported`` maps
    the other columns to the reason. ``delete_files`` deletes files that rows reference other than
    by a `FileField`. Rows of a table that ``holds_email_addresses`` are needed to find other rows,
    so they are erased last.
    """

    model: type[models.Model]
    row_conditions: Callable[[DataSubject], Sequence[Q]]
    exported: Sequence[str]
    not_exported: Mapping[str, str]
    erasure: DeleteRows | ReplaceValues | RetainRows
    export_row: Callable[[Row, DataSubject], Row | None] | None = None
    delete_files: Callable[[models.QuerySet[Any]], None] | None = None
    holds_email_addresses: bool = False

    def row_sets(self, subject: DataSubject) -> Iterable[models.QuerySet[Any]]:
        """Yield disjoint querysets of a user's rows, one per condition."""
        covered = Q()
        for condition in self.row_conditions(subject):
            rows: models.QuerySet[Any] = self.model._base_manager.filter(condition)
            yield rows.exclude(covered) if covered else rows
            covered |= condition


@dataclass(frozen=True, slots=True, kw_only=True)
class NonPersonalTable:
    """A table without personal data, with the list of its columns.

    A new column fails a test until it is listed here or as personal.
    """

    model: type[models.Model]
    columns: Sequence[str]
    reason: str


Addresses = Callable[[UUID], Iterable[tuple[str, bool]]]
Eraser = Callable[[DataSubject], None]

_tables: Final[list[PersonalTable | NonPersonalTable]] = []
_addresses: Final[list[Addresses]] = []
_erasers: Final[list[Eraser]] = []


def defaults_of(model: type[models.Model], *names: str) -> dict[str, Any]:
    """Return the columns' default values, for `ReplaceValues`."""
    fields = [model._meta.get_field(name) for name in names]
    return {field.name: field.get_default() for field in fields if isinstance(field, models.Field)}


def register_tables(*tables: PersonalTable | NonPersonalTable) -> None:
    """Register tables.

    An app's rows are erased in this order, before those of the apps that it depends on.
    """
    _tables.extend(tables)


def register_address_source(source: Addresses) -> Addresses:
    """Register a source of a user's addresses, which yields pairs of address and is-verified."""
    _addresses.append(source)
    return source


def register_eraser(eraser: Eraser) -> Eraser:
    """Register a function that erases data outside of tables.

    It is called last, outside of transactions, and must be idempotent.
    """
    _erasers.append(eraser)
    return eraser


def register_buckets(buckets: Callable[[DataSubject], Iterable[Bucket]]) -> None:
    """Register the rate limits' buckets of a user, which an erasure forgets."""
    register_eraser(lambda subject: erase(*buckets(subject)))


def all_tables() -> Sequence[PersonalTable | NonPersonalTable]:
    """Return all registered tables."""
    return tuple(_tables)


def personal_tables() -> list[PersonalTable]:
    """Return the tables with personal data, in order of registration."""
    return [table for table in all_tables() if isinstance(table, PersonalTable)]


def erasers() -> Sequence[Eraser]:
    """Return all registered erasers."""
    return tuple(_erasers)


def export_subject(user_id: UUID) -> DataSubject:
    """Return the subject of an export, identified by verified addresses only."""
    emails = {
        email for source in _addresses for email, is_verified in source(user_id) if is_verified
    }
    return DataSubject(user_id, frozenset(emails))


def erasure_subject(user_id: UUID, *, username: str) -> DataSubject:
    """Return the subject of an erasure, identified by all their addresses and the username.

    The caller must exclude addresses that belong to another user by now.
    """
    emails = frozenset(email for source in _addresses for email, _verified in source(user_id))
    return DataSubject(user_id, emails, emails | {username})
