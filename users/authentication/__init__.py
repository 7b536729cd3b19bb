"""Signing in and staying signed in: sessions, access tokens, refresh tokens."""
