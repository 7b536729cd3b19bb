"""The register of personal data: which columns there are about people, and what becomes of them.

Each app declares its tables in a module `personal_data`, next to its models. What a person gets of
their data and what is left of an erased person follow from that alone. A test finds every table
and every column that nobody declared.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import models
from django.db.models import Q

NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class DataSubject:
    """Whose data is looked for, and by what it is found where there is no id."""

    id: UUID
    # To tell: the verified ones. To erase: all that the person ever had here or asked for, but for
    # those that are somebody else's by now.
    emails: frozenset[str] = frozenset()
    # What the person signs in with.
    logins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DeleteRows:
    """The rows go, and the files that they name before them."""


@dataclass(frozen=True, slots=True)
class ReplaceValues:
    """The rows stay, with these values; functions are called and expressions evaluated.

    ``retained`` are the columns that stay as they are, each with its reason.
    """

    values: Mapping[str, Any]
    retained: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetainRows:
    """The rows stay as they are, for a reason."""

    reason: str


Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalTable:
    """A table with rows about people.

    ``row_conditions`` returns conditions, each of which an index answers, for the rows about a
    person. ``exported`` are the columns that the person gets, and paths to columns of other tables
    that explain them; ``export_row`` may change such a row, or leave it out by returning None.
    ``not_exported`` are the other columns, each with the reason. ``delete_files`` removes files
    that rows name other than by a `FileField`. By rows of a table that ``holds_email_addresses``
    others are found, so they go with the last ones.
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
        """Yield the rows about a person, a set for each way to them; each row is in one."""
        found = Q()
        for condition in self.row_conditions(subject):
            rows: models.QuerySet[Any] = self.model._base_manager.filter(condition)
            yield rows.exclude(found) if found else rows
            found |= condition


@dataclass(frozen=True, slots=True, kw_only=True)
class NonPersonalTable:
    """A table that tells nothing of anybody; its columns are named, lest one is added unseen."""

    model: type[models.Model]
    columns: Sequence[str]
    reason: str


Addresses = Callable[[UUID], Iterable[tuple[str, bool]]]
Eraser = Callable[[DataSubject], None]

_tables: Final[list[PersonalTable | NonPersonalTable]] = []
_addresses: Final[list[Addresses]] = []
_erasers: Final[list[Eraser]] = []


def defaults_of(model: type[models.Model], *names: str) -> dict[str, Any]:
    """Return the values that a new row has in these columns, for `Replaced`."""
    fields = [model._meta.get_field(name) for name in names]
    return {field.name: field.get_default() for field in fields if isinstance(field, models.Field)}


def register_tables(*tables: PersonalTable | NonPersonalTable) -> None:
    """Add tables to the register.

    An app's rows are erased in this order, before those of the apps below it.
    """
    _tables.extend(tables)


def register_address_source(source: Addresses) -> Addresses:
    """Register the decorated function: it yields a person's addresses, and whether verified."""
    _addresses.append(source)
    return source


def register_eraser(eraser: Eraser) -> Eraser:
    """Register the decorated function, which erases what is in no table; called at the end.

    It is called outside of transactions, and may be called again.
    """
    _erasers.append(eraser)
    return eraser


def all_tables() -> Sequence[PersonalTable | NonPersonalTable]:
    """Return all tables."""
    return tuple(_tables)


def personal_tables() -> list[PersonalTable]:
    """Return the tables about people, in the order in which they were declared."""
    return [table for table in _tables if isinstance(table, PersonalTable)]


def erasers() -> Sequence[Eraser]:
    """Return what `register_eraser` registered."""
    return tuple(_erasers)


def export_subject(user_id: UUID) -> DataSubject:
    """Return the person by what is certainly theirs."""
    emails = {
        email for source in _addresses for email, is_verified in source(user_id) if is_verified
    }
    return DataSubject(user_id, frozenset(emails))


def erasure_subject(user_id: UUID, *, username: str) -> DataSubject:
    """Return the person by all that is known of them, also by what somebody else has by now."""
    emails = frozenset(email for source in _addresses for email, _verified in source(user_id))
    return DataSubject(user_id, emails, emails | {username})
