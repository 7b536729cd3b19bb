"""Accessibility by axe-core, which is a package of the console."""

from typing import Any, Final

from playwright.sync_api import Page

from tests.system.programs import install_packages
from tests.system.repository import ROOT

AXE: Final = ROOT / "console/node_modules/axe-core/axe.min.js"
# Target sizes are of WCAG 2.2 AA, and not among axe's defaults.
VIOLATIONS: Final = """part => axe.run(part, {rules: {"target-size": {enabled: true}}}).then(
  ({violations}) => violations.map(
    ({id, nodes}) => [id, nodes.map(node => node.target.join(" "))]))"""


def axe_script() -> str:
    """Return axe-core; install the console's packages if they are missing."""
    if not AXE.exists():
        install_packages(ROOT / "console")
    return AXE.read_text(encoding="utf-8")


def violations(page: Page, axe: str, part: str = "html") -> Any:
    """Return the rules that the page, or a part of it, violates, with the elements."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    return page.evaluate(VIOLATIONS, part)
