"""Writes of exports and deletions: one function per mutation, one module per flow."""
