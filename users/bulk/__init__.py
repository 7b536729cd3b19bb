"""Bulk actions: an operation that a worker applies to each user of a selection."""
