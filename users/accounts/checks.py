"""System checks of the accounts' settings."""

from typing import Any

from django.core.checks import CheckMessage, Error

from users.accounts.metadata import schema_faults, schemas


def check_metadata_schemas(**_arguments: Any) -> list[CheckMessage]:
    """Return an error (`roster.E001`) for each fault of a metadata schema."""
    return [
        Error(f"{kind.upper()}_METADATA_SCHEMA: {fault}", id="roster.E001")
        for kind, schema in schemas().items()
        if schema
        for fault in schema_faults(schema)
    ]
