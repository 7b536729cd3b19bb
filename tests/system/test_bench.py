"""`make bench` with the smallest parameters."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.system.repository import ROOT


def test_contestants_are_compared_and_measured(tmp_path: Path) -> None:
    names = ["roster", "strawberry-django"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench"],
        cwd=ROOT,
        env={
            **kept,
            "USERS": "2000",
            "SCENARIO": "point",
            "CONTESTANTS": " ".join(names),
            "ROUNDS": "1",
            "SECONDS": "1",
            "DATA_DIR": str(tmp_path / "data"),
            "BENCH_OUTPUT": str(tmp_path),
        },
        check=True,
    )

    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [scenario["name"] for scenario in report["scenarios"]] == ["point"]
    for scenario in report["scenarios"]:
        assert list(scenario["results"]) == names
        for result in scenario["results"].values():
            assert result["answers"] > 0
            assert result["server"] > 0
    assert (tmp_path / "chart.svg").exists()
