"""Organisations, memberships and invitations."""
