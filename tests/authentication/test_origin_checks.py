"""The check of the settings that name origins."""

from typing import Any

import pytest
from django.core.checks import run_checks


@pytest.fixture(autouse=True)
def public_url(settings: Any) -> None:
    settings.PUBLIC_URL = settings.LINKS_URL = "https://roster.example"
    settings.WEBAUTHN_ORIGINS = ["https://roster.example"]


def warnings() -> list[tuple[str | None, str, str | None]]:
    return [
        (each.id, each.msg, each.hint)
        for each in run_checks()
        if each.id in {"roster.W003", "roster.W004"}
    ]


def test_defaults_agree() -> None:
    assert warnings() == []


def test_links_to_pages_that_may_not_use_the_api_warn(settings: Any) -> None:
    settings.LINKS_URL = "https://App.example/accounts"
    ((number, message, hint),) = warnings()
    assert number == "roster.W003"
    assert message == "LINKS_URL names https://app.example, whose pages may not use the API."
    assert hint
    assert hint.startswith("Add https://app.example to ALLOWED_ORIGINS")
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    assert warnings() == []


def test_passkey_pages_that_may_not_use_the_api_warn(settings: Any) -> None:
    settings.WEBAUTHN_ORIGINS += ["https://app.roster.example", "https://roster.example:8443"]
    settings.CORS_ALLOWED_ORIGINS = ["https://app.roster.example"]
    ((number, message, _hint),) = warnings()
    assert number == "roster.W004"
    assert message.startswith("WEBAUTHN_ORIGINS names https://roster.example:8443,")


def test_native_apps_need_no_origin(settings: Any) -> None:
    settings.WEBAUTHN_ORIGINS += ["android:apk-key-hash:fX9z"]
    assert warnings() == []
