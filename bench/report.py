"""The report: tables and a chart, which `python -m bench.report` writes to docs/."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.chart import chart

HERE: Final = Path(__file__).resolve().parent
OUTPUT: Final = HERE / "out"
PAGE: Final = HERE.parent / "docs" / "benchmarks.md"
CHART: Final = HERE.parent / "docs" / "images" / "performance.svg"
BEGIN: Final = "<!-- measured: written by `make bench-report` -->"
END: Final = "<!-- end of what is measured -->"
ROSTER: Final = "roster"
# Contestants with a column of Roster's ratio.
RIVALS: Final = ("strawberry-django", "postgraphile", "mercurius")
# With fewer users or rounds, a run is only a trial.
SERIOUS_USERS: Final = 1_000_000
SERIOUS_ROUNDS: Final = 5
DASH: Final = "—"
BARE: Final = "the statements alone, by hand"

Report = Mapping[str, Any]


def save(report: Report, output: Path) -> str:
    """Write `report.json`, the chart and the tables to a directory; return the tables."""
    dumped = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (output / "report.json").write_text(dumped, encoding="utf-8")
    text = tables(report)
    (output / "chart.svg").write_text(chart(report), encoding="utf-8")
    (output / "tables.md").write_text(text, encoding="utf-8")
    return text


def tables(report: Report) -> str:
    """Return the report as Markdown that is readable on a terminal."""
    parts = [
        _warning(report),
        "### Responses per second",
        _rates(report),
        _notes(report),
        _depth(report),
        _log_ins(report),
        "### Responses per second, and milliseconds of processor time per response",
        _processor_time(report),
        "### Latencies in milliseconds, and shares of a core",
        _details(report),
        _database(report),
        "### Machine",
        _machine(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def embed_tables(document: str, text: str) -> str:
    """Insert a text between the document's markers. Raises `ValueError` without markers."""
    before, begin, rest = document.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the document lacks the markers of the report")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def _warning(report: Report) -> str:
    if report["users"] >= SERIOUS_USERS and report["rounds"] >= SERIOUS_ROUNDS:
        return ""
    return (
        f"> **A trial, not a measurement**: {report['users']:,} users, {report['rounds']} rounds "
        f"of {report['seconds']} s. It shows the form of the report; ignore the figures."
    )


def _rates(report: Report) -> str:
    names = list(report["contestants"])
    rivals = [name for name in RIVALS if name in names and ROSTER in names]
    head = ["", *report["contestants"].values()]
    head += [f"Roster ÷ {report['contestants'][name]}" for name in rivals]
    rows = []
    for scenario in report["scenarios"]:
        rate = {name: result["rate"] for name, result in scenario["results"].items()}
        cells = [_number(rate[name]) if name in rate else DASH for name in names]
        for rival in rivals:
            both = rival in rate and ROSTER in rate
            cells.append(f"{rate[ROSTER] / rate[rival]:.2f}" if both else DASH)
        rows.append([f"`{scenario['name']}`: {scenario['title']}", *cells])
    return _table(head, rows)


def _notes(report: Report) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for scenario in report["scenarios"]:
        for name, reason in scenario["absent"].items():
            title = report["contestants"][name]
            reasons.setdefault((scenario["name"], reason), []).append(title)
    return "\n".join(
        f"- `{scenario}`: {', '.join(titles)} {DASH} {reason}."
        for (scenario, reason), titles in reasons.items()
    )


def _depth(report: Report) -> str:
    """Return the cost of deep pages relative to the first ones."""
    by_name = {scenario["name"]: scenario["results"] for scenario in report["scenarios"]}
    if not {"first", "deep"} <= by_name.keys():
        return ""
    ratios = (
        f"{report['contestants'][name]} {by_name['first'][name]['rate'] / deep['rate']:.2f}"
        for name, deep in by_name["deep"].items()
    )
    return (
        f"Time of the deepest pages, up to page {report['deepest_page']:,}, relative to the first "
        f"pages: "
        f"{', '.join(ratios)}."
    )


def _log_ins(report: Report) -> str:
    hashing = report["hashing"]
    if not hashing:
        return ""
    return (
        f"Most of the time of a log-in, and of a new user, is the password hash (Argon2id, "
        f"{hashing['memory_kib']:,} KiB, {hashing['passes']} passes, 1 lane). One thread verifies "
        f"{hashing['rate']:.1f} hashes per second."
    )


def _processor_time(report: Report) -> str:
    """Return the rates beside what they cost, which varies less than the rates."""
    columns = (
        ("rate", "per second"),
        ("server_ms", "server"),
        ("postgresql_ms", "PostgreSQL"),
        ("total_ms", "both"),
    )
    return _results(report, [(key, title, _number) for key, title in columns])


def _details(report: Report) -> str:
    columns = (
        ("p50", "p50", _number),
        ("p95", "p95", _number),
        ("p99", "p99", _number),
        ("server", "server", _percent),
        ("postgresql", "PostgreSQL", _percent),
        ("generator", "load", _percent),
    )
    return _results(report, columns)


def _results(report: Report, columns: Sequence[tuple[str, str, Callable[[float], str]]]) -> str:
    """Return a table with a row per scenario and contestant: keys, titles and formats."""
    rows = [
        [f"`{scenario['name']}`", report["contestants"][name]]
        + [shown(result[key]) for key, _title, shown in columns]
        for scenario in report["scenarios"]
        for name, result in scenario["results"].items()
    ]
    return _table(["", "", *(title for _key, title, _shown in columns)], rows)


def _database(report: Report) -> str:
    """Return PostgreSQL's processor time per response, compared to the bare statements."""
    rows = []
    for scenario in report["scenarios"]:
        alone = scenario["bare"]
        if alone is None:
            continue
        for name, result in scenario["results"].items():
            taken = result["postgresql_ms"]
            title = report["contestants"][name]
            rows.append([f"`{scenario['name']}`", title, _number(taken), f"{taken / alone:.2f}"])
        rows.append([f"`{scenario['name']}`", BARE, _number(alone), "1"])
    if not rows:
        return ""
    head = ["", "", "milliseconds", "÷ the statements alone"]
    return f"### PostgreSQL's processor time per response\n\n{_table(head, rows)}"


def _machine(report: Report) -> str:
    machine = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}; {versions}. {report['users']:,} users; medians of "
        f"{report['rounds']} rounds of {report['seconds']} s, {report['connections']} connections."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return an aligned table; columns with a title are right-aligned."""
    lines = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    columns = list(zip(head, widths, strict=True))
    shown = [
        [
            cell.rjust(width) if title else cell.ljust(width)
            for cell, (title, width) in zip(line, columns, strict=True)
        ]
        for line in lines
    ]
    rule = ["-" * (width - 1) + ":" if title else "-" * width for title, width in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in (shown[0], rule, *shown[1:]))


def _number(value: float) -> str:
    """Format a number with at least three significant digits."""
    if value >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def main() -> int:
    """Write the last benchmark's report into the documentation."""
    path = OUTPUT / "report.json"
    if not path.exists():
        sys.exit("make bench-report: there are no results yet; run `make bench`")
    report = json.loads(path.read_text(encoding="utf-8"))
    CHART.write_text(chart(report), encoding="utf-8")
    document = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(embed_tables(document, tables(report)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
