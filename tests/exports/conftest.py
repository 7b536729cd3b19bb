"""Fixtures of the tests of `users.exports`."""

from collections.abc import Iterator

import pytest

from tests.support.user_exports import remove_files


@pytest.fixture(autouse=True)
def _remove_files() -> Iterator[None]:
    yield
    remove_files()
