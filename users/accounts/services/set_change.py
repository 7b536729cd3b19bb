"""Changes of many-to-many relations, such as the groups of a user."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from django.db.models import Manager
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem

MAX_CHANGES: Final = 100


@dataclass(frozen=True, slots=True)
class SetChange:
    """A change of a set of primary keys.

    A difference preserves concurrent changes of other keys (no lost update). A replacement does
    not: use it only for a caller that gives the whole set.
    """

    added: frozenset[int] = frozenset()
    removed: frozenset[int] = frozenset()
    replacement: frozenset[int] | None = None

    @classmethod
    def to(cls, keys: Iterable[int]) -> Self:
        """Return the replacement of the whole set."""
        return cls(replacement=frozenset(keys))

    @classmethod
    def between(cls, old: Iterable[int], new: Iterable[int]) -> Self:
        """Return the difference between two sets."""
        before, after = frozenset(old), frozenset(new)
        return cls(added=after - before, removed=before - after)

    @property
    def referenced(self) -> frozenset[int]:
        """The keys that must exist when the change is written."""
        return self.added if self.replacement is None else self.replacement

    def apply_to(self, keys: Iterable[int]) -> set[int]:
        """Return the set after the change."""
        held = set(keys) if self.replacement is None else set(self.replacement)
        return held - self.removed | self.added

    def write(self, held: Manager[Any]) -> tuple[list[int], list[int]]:
        """Write the change to a many-to-many relation; return the sorted keys before and after.

        The caller must have locked the row that owns the relation, to serialise writers.
        """
        old = list(held.order_by("pk").values_list("pk", flat=True))
        new = sorted(self.apply_to(old))
        held.remove(*(set(old) - set(new)))  # type: ignore[attr-defined]
        held.add(*(set(new) - set(old)))  # type: ignore[attr-defined]
        return old, new


def check_change_size(keys: Sequence[Any], *, field: str) -> None:
    """Raise `InputRejectedError` about ``field`` for more keys than one change may have."""
    if len(keys) > MAX_CHANGES:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Give at most %(max)d at a time.") % {"max": MAX_CHANGES},
                (field,),
            )
        )
