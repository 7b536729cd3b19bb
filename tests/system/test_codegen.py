"""Generated clients for the documented operations type-check."""

import os
import subprocess
import sys
from pathlib import Path

CONSOLE = Path(__file__).resolve().parents[2] / "console"


def npm(*arguments: str) -> None:
    """Run npm with the Node that builds the console, the system's or the environment's."""
    path = os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent)))
    result = subprocess.run(
        ["npm", *arguments],
        cwd=CONSOLE,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_documented_operations_type_check() -> None:
    npm("ci")
    npm("run", "codegen")
    npm("run", "check-operations")

    generated = (CONSOLE / "generated" / "graphql.ts").read_text(encoding="utf-8")
    assert "export type UpdateProfileMutation" in generated


def test_the_console_type_checks() -> None:
    npm("run", "check")
