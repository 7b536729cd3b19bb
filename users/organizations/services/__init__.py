"""Writes to organisations: one function per mutation, each in its own transaction."""
