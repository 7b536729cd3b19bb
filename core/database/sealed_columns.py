"""Columns of secrets that are sealed under SECRET_KEY, each bound to its row's key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models

BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A text column of sealed secrets; empty where there is none.

    ``seal`` and ``unseal`` take a text and the row's key.
    """

    model: type[models.Model]
    name: str
    seal: Callable[[str, object], str]
    unseal: Callable[[str, object], str]

    def reseal(self) -> int:
        """Reseal secrets under the current SECRET_KEY; return how many were not.

        A secret that is changed concurrently is sealed under that key already, and is skipped.
        Raises `UnsealError` for a secret that no key opens.
        """
        count = 0
        rows: Any = self.model._base_manager.exclude(**{self.name: ""}).order_by("pk")
        values = rows.values_list("pk", self.name)
        batch = list(values[:BATCH])
        while batch:
            for key, sealed in batch:
                # Sealing is deterministic, so an equal result means the current key.
                resealed = self.seal(self.unseal(sealed, key), key)
                if resealed != sealed:
                    unchanged = rows.filter(pk=key, **{self.name: sealed})
                    count += unchanged.update(**{self.name: resealed})
            batch = list(values.filter(pk__gt=batch[-1][0])[:BATCH])
        return count


_columns: Final[list[SealedColumn]] = []


def register_sealed_columns(*columns: SealedColumn) -> None:
    """Register columns, for `manage.py reseal_secrets`."""
    _columns.extend(columns)


def sealed_columns() -> Sequence[SealedColumn]:
    """Return all registered columns."""
    return tuple(_columns)
