"""`check --deploy` warns of settings that a deployment rarely means."""

from typing import Any

import pytest
from django.core.checks import run_checks


def found() -> set[str | None]:
    return {each.id for each in run_checks(include_deployment_checks=True)}


@pytest.mark.parametrize(
    ("host", "sslmode", "warns"),
    [
        ("", "", False),
        ("/run/postgresql", "", False),
        ("localhost,127.0.0.1", "", False),
        ("db.example", "", True),
        ("localhost,db.example", "prefer", True),
        ("db.example", "require", False),
        ("one.example,two.example", "verify-full", False),
    ],
)
def test_connections_over_a_network_need_tls(
    settings: Any, monkeypatch: pytest.MonkeyPatch, host: str, sslmode: str, *, warns: bool
) -> None:
    for database in (settings.DATABASES["default"], settings.MIGRATION_DATABASE):
        monkeypatch.setitem(database, "HOST", host)
        monkeypatch.setitem(database, "OPTIONS", {"sslmode": sslmode})

    assert ("roster.W005" in found()) is warns


@pytest.mark.parametrize(("proxies", "warns"), [(0, True), (1, False)])
def test_a_proxy_that_terminates_tls_is_trusted(
    settings: Any, proxies: int, *, warns: bool
) -> None:
    settings.SECURE, settings.TRUSTED_PROXIES = True, proxies
    assert ("roster.W006" in found()) is warns
    settings.SECURE = False
    assert "roster.W006" not in found()


@pytest.mark.parametrize(("host", "warns"), [("localhost", True), ("smtp.example", False)])
def test_mails_leave_the_machine(settings: Any, host: str, *, warns: bool) -> None:
    settings.EMAIL_HOST, settings.MAIL_PROVIDER = host, ""
    assert ("roster.W007" in found()) is warns
