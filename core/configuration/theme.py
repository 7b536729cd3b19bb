"""The admin's theme: titles, logo, colours and navigation."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.colors import shades


def unfold_theme(name: str, color: str) -> dict[str, Any]:
    """Return the theme of a service with this name and colour."""
    return {
        "SITE_TITLE": name,
        "SITE_HEADER": name,
        "SITE_SUBHEADER": _("People and access"),
        "SITE_ICON": "users.admin.site.icon_url",
        "SITE_FAVICONS": [{"rel": "icon", "href": "users.admin.site.icon_url"}],
        "STYLES": ["users.admin.site.stylesheet_url"],
        "SCRIPTS": [
            "users.admin.site.script_url",
            "users.admin.site.log_in_script_url",
            "users.admin.site.copy_script_url",
        ],
        "SHOW_HISTORY": False,
        "SHOW_VIEW_ON_SITE": False,
        "BORDER_RADIUS": "8px",
        "COLORS": {"primary": shades(color)},
        "SIDEBAR": {"navigation": "users.admin.site.navigation"},
        "ACCOUNT": {
            "navigation": [
                {"title": _("My account"), "link": "users.admin.site.own_account_url"},
            ]
        },
    }
