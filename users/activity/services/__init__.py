"""Every write to the audit trail."""
