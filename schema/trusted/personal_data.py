"""Trusted documents have no personal data."""

from schema.trusted.models import TrustedDocument
from users.activity.personal_data_registry import NonPersonalTable, register_tables

register_tables(
    NonPersonalTable(
        model=TrustedDocument,
        columns=("id", "sha256", "text"),
        reason="Documents of clients, from the manifests that operators trust.",
    )
)
