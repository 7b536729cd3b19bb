"""Devices in words, from what browsers and programs say of themselves (User-Agent)."""

import re
from typing import Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext

# The first that matches: browsers also name those that they descend from.
CLIENTS: Final = (
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrom(?:e|ium)/|CriOS/", "Chrome"),
    (r"Safari/", "Safari"),
    (r"curl/", "curl"),
    (r"python-(?:requests|httpx)/|Python-urllib/", "Python"),
    (r"^node|undici", "Node.js"),
    (r"okhttp/", "OkHttp"),
    (r"Go-http-client/", "Go"),
)
SYSTEMS: Final = (
    (r"iPad", "iPad"),
    (r"iPhone", "iPhone"),
    (r"Android", "Android"),
    (r"CrOS", "ChromeOS"),
    (r"Windows", "Windows"),
    (r"Macintosh|Mac OS X", "macOS"),
    (r"Linux|X11", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Return a name such as `Firefox on Windows`; empty if it is unknown."""
    client = _first(CLIENTS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if client and system:
        return gettext("%(client)s on %(system)s") % {"client": client, "system": system}
    return client or system


def show_device(user_agent: str) -> Any:
    """Return the device's name, with the whole user agent as a tooltip."""
    if not user_agent:
        return None
    name = device_name(user_agent)
    return format_html('<span title="{}">{}</span>', user_agent, name) if name else user_agent


def _first(patterns: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for pattern, name in patterns if re.search(pattern, user_agent)), "")
