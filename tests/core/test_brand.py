"""The service's name, logo and colour on pages, in mails and in the admin."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from django.core import mail
from django.test import Client
from django.utils import translation

from core.colors import DARK, MIN_CONTRAST, contrast, parse_color, shades
from core.configuration.theme import unfold_theme
from core.email.message import send
from core.email.words import UNVERIFIED_READER
from core.web import content_security
from users.accounts import mails
from users.organizations.mails import invitation

pytestmark = pytest.mark.django_db

CONFIG = re.compile(r'<script id="console-config"[^>]*>(.*?)</script>')
LOGO = "https://cdn.example/acme.png"


@pytest.fixture
def acme(settings: Any) -> Any:
    """Run the service as Acme."""
    settings.SERVICE_NAME, settings.SERVICE_COLOR = "Acme & Co", "#1a237e"
    settings.SERVICE_LOGO_URL = LOGO
    policies = (
        content_security.page_policy,
        content_security.admin_policy,
        content_security.console_policy,
    )
    for policy in policies:
        policy.cache_clear()
    yield settings
    for policy in policies:
        policy.cache_clear()


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("path", ["/forgot-password", "/done", "/no/such/page"])
def test_pages_show_the_service(client: Client, path: str) -> None:
    response = client.get(path)
    page = response.content.decode()
    assert "Acme &amp; Co" in page
    assert f'<img src="{LOGO}" alt=""' in page
    assert "Roster" not in page
    assert "img-src 'self' https://cdn.example" in response["Content-Security-Policy"]
    assert "/brand/1a237e.css" in page


@pytest.mark.usefixtures("acme")
def test_admin_shows_the_logo(client: Client) -> None:
    response = client.get("/admin/login/")
    assert LOGO in response.content.decode()
    assert "https://cdn.example" in response["Content-Security-Policy"]


@pytest.mark.usefixtures("acme")
def test_console_shows_the_service(client: Client, settings: Any, tmp_path: Path) -> None:
    # The console need not be built for its page.
    (tmp_path / "console").mkdir()
    (tmp_path / "console" / "console.js").touch()
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, tmp_path]
    response = client.get("/graphql", headers={"Accept": "text/html"})
    config = json.loads(CONFIG.findall(response.content.decode())[0])
    assert (config["name"], config["logo"]) == ("Acme & Co", LOGO)
    assert "https://cdn.example" in response["Content-Security-Policy"]


def test_theme_has_name_and_colour() -> None:
    theme = unfold_theme("Acme", "#1a237e")
    assert (theme["SITE_TITLE"], theme["SITE_HEADER"]) == ("Acme", "Acme")
    assert theme["COLORS"]["primary"]["600"] == "#1a237e"


@pytest.mark.usefixtures("acme")
def test_stylesheet_has_the_colour(client: Client) -> None:
    response = client.get("/brand/1a237e.css")
    assert response["Content-Type"] == "text/css"
    assert "--accent: light-dark(#1a237e, #" in response.content.decode()


@pytest.mark.usefixtures("acme")
def test_mails_show_the_service() -> None:
    url = "https://x.example"
    for content in (
        mails.verify_email(UNVERIFIED_READER, url=url),
        mails.confirm_email_change(UNVERIFIED_READER, url=url),
        mails.confirm_email_address(UNVERIFIED_READER, url=url),
        invitation(UNVERIFIED_READER, organization="O", inviter="i", url=url),
    ):
        send(content, to="ada@example.org")
    for message in cast("list[Any]", mail.outbox):
        html = message.alternatives[0][0]
        assert "Acme & Co" in message.body
        assert f'<img src="{LOGO}" alt="Acme &amp; Co"' in html
        assert "background:#1a237e" in html
        assert "Roster" not in message.body + html


@pytest.mark.usefixtures("acme")
def test_german_mails_show_the_service() -> None:
    with translation.override("de"):
        texts = mails.verify_email(UNVERIFIED_READER, url="https://x.example").paragraphs
    assert any("bei Acme & Co" in text for text in texts)


@pytest.mark.parametrize(
    "color", ["#0f6b60", "#000000", "#1a237e", "#b71c1c", "#6a1b9a", "#5d4037"]
)
def test_shades_are_legible_in_both_themes(color: str) -> None:
    found = shades(parse_color(color))
    assert found["600"] == color
    for shade in ("300", "400", "500"):
        rgb = tuple(bytes.fromhex(found[shade][1:]))
        assert contrast(rgb, DARK) >= MIN_CONTRAST  # type: ignore[arg-type]


@pytest.mark.parametrize("color", ["#ffeb3b", "#777", "rgb(0,0,0)", "#12345g", "#6fcdbb"])
def test_colours_that_pages_cannot_show_are_refused(color: str) -> None:
    with pytest.raises(ValueError, match=color.replace("(", r"\(").replace(")", r"\)")):
        parse_color(color)
