"""System checks of the accounts' settings."""

from typing import Any

from django.core.checks import CheckMessage, Error

from users.accounts.metadata import schema_faults, schemas


def check_metadata_schemas(**_arguments: Any) -> list[CheckMessage]:
    """Refuse to start with a schema by which nothing can be checked."""
    return [
        Error(f"{kind.upper()}_METADATA_SCHEMA: {fault}", id="roster.E001")
        for kind, schema in schemas().items()
        if schema
        for fault in schema_faults(schema)
    ]
