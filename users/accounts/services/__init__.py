"""Writes to accounts: one function per mutation, one module per flow."""
