"""The audit trail of append-only events, and the analytics that are rolled up from it."""
