"""The chart: an SVG with a bar per scenario and contestant."""

from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

WIDTH: Final = 760
NAMES: Final = 210
BARS: Final = 430
BAR: Final = 16
STEP: Final = 22
HEADING: Final = 30
GAP: Final = 18
TOP: Final = 54
SVG: Final = "http://www.w3.org/2000/svg"
OURS: Final = "roster"
STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #1f2933 }
.title { font-size: 17px; font-weight: 600 }
.scenario { font-weight: 600 }
.note { fill: #52606d }
.bar { fill: #9aa5b1 }
.ours { fill: #0f6b60 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb }
  .note { fill: #9aa5b1 }
  .bar { fill: #616e7c }
  .ours { fill: #45b3a0 }
}
"""


def chart(report: Mapping[str, Any]) -> str:
    """Return an SVG for light and dark pages; bars are scaled per scenario."""
    title = f"Responses per second of one process on one core, {report['users']:,} users"
    lines: list[str] = []
    descriptions: list[str] = []
    y = TOP
    for scenario in report["scenarios"]:
        rates = {name: result["rate"] for name, result in scenario["results"].items()}
        lines.append(_text(0, y + 14, scenario["title"], "scenario"))
        y += HEADING
        for name, rate in rates.items():
            contestant = report["contestants"][name]
            length = BARS * rate / max(rates.values())
            kind = "bar ours" if name == OURS else "bar"
            lines += [
                _text(NAMES - 10, y + 13, contestant, "name", anchor="end"),
                _bar(y, length, kind),
                _text(round(NAMES + length + 8), y + 13, f"{rate:,.0f}", "value"),
            ]
            y += STEP
        y += GAP
        rates_shown = ", ".join(
            f"{report['contestants'][name]} {rate:,.0f}" for name, rate in rates.items()
        )
        descriptions.append(f"{scenario['title']}: {rates_shown}.")
    head = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {WIDTH} {y}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(" ".join(descriptions))}</desc>',
        f"<style>{STYLE}</style>",
        _text(0, 18, title, "title"),
        _text(0, 38, "Longer is better; each scenario has its own scale.", "note"),
    ]
    return "\n".join([*head, *lines, "</svg>"]) + "\n"


def _bar(y: int, length: float, kind: str) -> str:
    size = f'width="{length:.1f}" height="{BAR}"'
    return f'<rect class="{kind}" x="{NAMES}" y="{y}" {size} rx="2"/>'


def _text(x: int, y: int, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
