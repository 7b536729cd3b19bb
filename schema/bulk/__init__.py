"""Bulk actions in GraphQL: starting, following and cancelling them."""
