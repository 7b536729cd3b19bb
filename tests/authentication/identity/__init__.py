"""A stateful test of account lifecycles: a model, and clients that take random steps.

`model` and `sessions` define the expected behavior on the model's `state`, and `checks` compares
it with the service's `tables`. `clients` store every secret that they received for their `steps`,
whose arguments are drawn by `drawing`. `test_identity_machine` runs it.
"""

import pytest

# Assertion rewriting, so that failures in these modules show their values.
pytest.register_assert_rewrite(
    *(f"{__name__}.{name}" for name in ("checks", "clients", "model", "sessions", "state", "steps"))
)
