"""The admin's theme: titles, logo, colours and navigation."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

UNFOLD_THEME: Final[dict[str, Any]] = {
    "SITE_TITLE": "Roster",
    "SITE_HEADER": "Roster",
    "SITE_SUBHEADER": _("People and access"),
    "SITE_SYMBOL": "groups",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": "users.admin.site.icon_url",
        }
    ],
    "STYLES": ["users.admin.site.stylesheet_url"],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    # The accent colour of pages and mails, from light to dark.
    "COLORS": {
        "primary": {
            "50": "#eefaf7",
            "100": "#d5f2ec",
            "200": "#aee4da",
            "300": "#6fcdbb",
            "400": "#45b3a0",
            "500": "#239886",
            "600": "#0f6b60",
            "700": "#0d5b52",
            "800": "#0d4943",
            "900": "#0d3c38",
            "950": "#042522",
        }
    },
    "SIDEBAR": {"navigation": "users.admin.site.navigation"},
    "ACCOUNT": {
        "navigation": [
            {"title": _("My account"), "link": "users.admin.site.own_account_url"},
        ]
    },
}
