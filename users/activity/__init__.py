"""The audit trail of append-only events, and the daily counts computed from it."""
