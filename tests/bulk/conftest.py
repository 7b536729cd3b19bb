"""Fixtures of the tests of `users.bulk`."""

import datetime as dt

import pytest

from users.bulk.services import run
from users.jobs.services import run as jobs


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit each turn to one user and each page to two."""
    monkeypatch.setattr(jobs, "TURN", dt.timedelta(0))
    monkeypatch.setattr(run, "PAGE", 2)
