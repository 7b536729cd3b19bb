"""Segments of users, by the properties that the apps above know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from users.activity.analytics import AnalyticsDimension


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Whom and which client a count is about, if known."""

    user_id: UUID | None = None
    user_agent: str = ""


# Returns a segment per occurrence, in order.
SegmentSource: TypeAlias = Callable[[Sequence[Occurrence]], Sequence[str]]
Segments: TypeAlias = Mapping[AnalyticsDimension, str]

_sources: Final[dict[AnalyticsDimension, SegmentSource]] = {}


def register_segments(dimension: AnalyticsDimension) -> Callable[[SegmentSource], SegmentSource]:
    """Register the decorated function as the source of a dimension's segments.

    Apps above this one have it in their `segments` module. Segments are stored for good, so they
    must not be personal data.
    """

    def register(source: SegmentSource) -> SegmentSource:
        _sources[dimension] = source
        return source

    return register


def segments_of(occurrences: Sequence[Occurrence]) -> list[Segments]:
    """Return the segments of each occurrence, in order; a dimension takes one statement or none."""
    columns = [source(occurrences) for source in _sources.values()]
    return [dict(zip(_sources, row, strict=True)) for row in zip(*columns, strict=True)]
