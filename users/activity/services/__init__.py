"""Writing and verifying the audit trail."""
