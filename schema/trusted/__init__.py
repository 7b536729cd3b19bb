"""Trusted documents: those that every client may execute."""
