"""Schemas of tests."""

from typing import Any

import strawberry


class SilentSchema(strawberry.Schema):
    """A schema that does not log what goes wrong on purpose."""

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Do nothing."""
