"""Charts, drawn by the theme's Chart.js, each with a table of its numbers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import get_language

# Each has a contrast of at least 3 to white and to the theme's black (WCAG 1.4.11). The patterns of
# lines tell them apart without colours.
COLORS: Final = ("#239886", "#c2600c", "#7f6bd9")
DASHES: Final[Sequence[Sequence[int]]] = ([], [6, 4], [2, 3])
# A grey that is legible on white and on black: the chart ignores the colour theme.
GREY: Final = "#8b93a3"
TICKS: Final = {"color": GREY, "maxRotation": 0, "precision": 0}
# Pixels between names, which are longer in German.
NAMES: Final = {"maxTicksLimit": 8, "autoSkipPadding": 12}
LEGEND: Final = {
    "align": "end",
    "labels": {"boxHeight": 0, "boxWidth": 24, "color": GREY},
}


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers by label, in series, with the page that lists what they count."""

    title: str
    # What the labels are, as the heading of the table's first column.
    kind: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[int]]
    link: str
    is_bar: bool = False
    # The last number counts, and not the sum.
    is_total: bool = False
    # What counts, if the names do not say it.
    caption: str = ""

    @property
    def type(self) -> str:
        """Chart.js's type."""
        return "bar" if self.is_bar else "line"

    @property
    def summary(self) -> str:
        """The text alternative of the drawing; the table has the numbers."""
        numbers = {
            name: numbers[-1] if self.is_total else sum(numbers)
            for name, numbers in self.series.items()
        }
        texts = (f"{name}: {number_format(number)}" for name, number in numbers.items())
        return f"{self.title}. {'; '.join(texts)}."

    @property
    def data(self) -> str:
        """Chart.js's data, as JSON."""
        datasets = [
            {
                "label": name,
                "data": list(numbers),
                "borderColor": color,
                "backgroundColor": color,
                "borderDash": dash,
                "maxBarThickness": 28,
            }
            for (name, numbers), color, dash in zip(
                self.series.items(), COLORS, DASHES, strict=False
            )
        ]
        return json.dumps({"labels": list(self.labels), "datasets": datasets})

    @property
    def options(self) -> str:
        """Chart.js's options, as JSON."""
        numbers = {"beginAtZero": True, "ticks": TICKS | {"maxTicksLimit": 6}}
        names = {"grid": {"display": False}, "ticks": TICKS | NAMES}
        options: dict[str, Any] = {
            "animation": False,
            "locale": get_language(),
            "maintainAspectRatio": False,
            "interaction": {"mode": "index", "intersect": False},
            "elements": {"line": {"borderWidth": 2, "tension": 0}, "point": {"radius": 0}},
            "plugins": {"legend": LEGEND | {"display": len(self.series) > 1}},
            "scales": {"x": names, "y": numbers},
        }
        if self.is_bar:
            options |= {"indexAxis": "y", "scales": {"x": numbers, "y": names}}
        return json.dumps(options)

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The rows of the table: label and numbers."""
        columns = zip(*self.series.values(), strict=True)
        return [
            (label, [number_format(number) for number in numbers])
            for label, numbers in zip(self.labels, columns, strict=True)
        ]
