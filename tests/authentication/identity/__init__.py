"""The life of accounts: how it should go, and clients who try everything.

`model` knows what becomes of people, `sessions` and links, which are in its `state`, and `checks`
compares it with the service's `tables`. `clients` keep all that they were ever given for the
`steps` that they take, drawn by `drawing`. `test_identity_machine` lets them live.
"""

import pytest

# What fails in these shows its values, as in a test's own module.
pytest.register_assert_rewrite(
    *(f"{__name__}.{name}" for name in ("checks", "clients", "model", "sessions", "state", "steps"))
)
