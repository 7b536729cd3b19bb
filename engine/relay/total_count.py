"""The length of a list: counted up to a bound, estimated beyond."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson
import strawberry
from django.db import models

from engine.sql.lateral import count_children, estimate_children

# The longest list that is counted; the length of a longer one is estimated.
MAX_COUNT: Final = 10_000


@strawberry.type
class TotalCount:
    """How many items a list has."""

    value: int = strawberry.field(description="How many items there are, on all pages together.")
    is_exact: bool = strawberry.field(
        description=f"Whether they were counted; beyond {MAX_COUNT:,} they are estimated."
    )

    @classmethod
    def of(cls, queryset: models.QuerySet[Any]) -> Self:
        """Count up to `MAX_COUNT`, then ask PostgreSQL's planner: the time is bounded."""
        rows = queryset.order_by().values("pk")
        counted = rows[: MAX_COUNT + 1].count()
        if counted <= MAX_COUNT:
            return cls(value=counted, is_exact=True)
        (plan,) = orjson.loads(rows.explain(format="json"))
        return cls(value=max(counted, plan["Plan"]["Plan Rows"]), is_exact=False)

    @classmethod
    def of_each(
        cls, queryset: models.QuerySet[Any], parent: str, keys: Sequence[Any]
    ) -> list[Self]:
        """Count each parent's list in one statement, and estimate long ones."""
        counted = count_children(queryset, parent=parent, keys=keys, limit=MAX_COUNT + 1)
        long = [key for key in keys if counted[key] > MAX_COUNT]
        estimated = estimate_children(queryset, parent=parent, keys=long) if long else {}
        return [
            cls(value=max(counted[key], estimated.get(key, 0)), is_exact=key not in estimated)
            for key in keys
        ]


@dataclass(frozen=True, slots=True)
class ListSummary:
    """The length of a list, computed if it is selected."""

    count: Callable[[], TotalCount]
    is_truncated: Callable[[], bool] = bool
