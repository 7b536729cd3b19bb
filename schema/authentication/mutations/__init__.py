"""Mutations of authentication."""
