"""Actors, keys and password hashes."""
