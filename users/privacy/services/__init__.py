"""Exports and deletions: one function per mutation, in one module per flow."""
