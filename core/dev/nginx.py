"""NGINX's configuration, as its image makes it of the template."""

import re
from pathlib import Path
from typing import Final

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "nginx.conf.template"


def configuration(variables: dict[str, str]) -> str:
    """Substitute the set variables only; the others are NGINX's."""
    return re.sub(
        r"\$\{(\w+)\}|\$(\w+)",
        lambda found: variables.get(found[1] or found[2], found[0]),
        TEMPLATE.read_text(encoding="utf-8"),
    )
