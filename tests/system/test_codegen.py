"""Generated clients for the documented operations type-check."""

from tests.system.programs import built_client, install_packages, npm
from tests.system.repository import ROOT

CONSOLE = ROOT / "console"


def test_the_documented_operations_type_check() -> None:
    install_packages(CONSOLE)
    npm(CONSOLE, "run", "codegen")
    npm(CONSOLE, "run", "check-operations")

    generated = (CONSOLE / "generated" / "graphql.ts").read_text(encoding="utf-8")
    assert "export type UpdateProfileMutation" in generated


def test_the_console_type_checks() -> None:
    built_client()
    install_packages(CONSOLE)
    npm(CONSOLE, "run", "check")
