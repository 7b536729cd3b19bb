"""Imports the modules that register pages; loaded by Django's autodiscovery."""

from users.admin import api_tokens, events, organizations, outbox, privacy, sessions
from users.admin.bulk import pages as bulk_pages
from users.admin.people import accounts as people_accounts
from users.admin.people import users as people_users

__all__ = [
    "api_tokens",
    "bulk_pages",
    "events",
    "organizations",
    "outbox",
    "people_accounts",
    "people_users",
    "privacy",
    "sessions",
]
