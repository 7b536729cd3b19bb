"""Relay connections over keysets."""
