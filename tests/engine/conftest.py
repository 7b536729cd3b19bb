"""Fixtures of the engine's own tests, which know nothing of the service."""

from typing import Any

import pytest

from tests.engine.library.tables import make_tables, stock


@pytest.fixture
def library(db: None) -> dict[str, Any]:
    """Have authors, books and loans; return some of them."""
    make_tables()
    return stock()
