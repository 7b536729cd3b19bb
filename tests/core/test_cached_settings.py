"""The settings that every request reads are those of Django, overridden ones included."""

import pytest
from django.conf import settings as lazy_settings
from django.test import override_settings

from core.cached_settings import settings


def test_overridden_settings_are_seen_at_once() -> None:
    usual = settings.STATEMENT_TIMEOUT
    with override_settings(STATEMENT_TIMEOUT=usual + 1):
        assert settings.STATEMENT_TIMEOUT == lazy_settings.STATEMENT_TIMEOUT == usual + 1
        with override_settings(STATEMENT_TIMEOUT=usual + 2):
            assert usual + 2 == settings.STATEMENT_TIMEOUT
        assert usual + 1 == settings.STATEMENT_TIMEOUT
    assert settings.STATEMENT_TIMEOUT == lazy_settings.STATEMENT_TIMEOUT == usual


def test_settings_that_are_set_are_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = settings.STATEMENT_TIMEOUT
    monkeypatch.setattr(lazy_settings, "STATEMENT_TIMEOUT", usual + 1)
    assert usual + 1 == settings.STATEMENT_TIMEOUT


def test_unknown_settings_raise() -> None:
    with pytest.raises(AttributeError, match="NO_SUCH_SETTING"):
        _ = settings.NO_SUCH_SETTING  # type: ignore[misc]
