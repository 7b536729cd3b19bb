"""Imports the modules that register pages; loaded by Django's autodiscovery."""

from users.admin import (
    api_tokens,
    events,
    exports,
    imports,
    organizations,
    outbox,
    privacy,
    sessions,
)
from users.admin.bulk import pages as bulk_pages
from users.admin.people import accounts as people_accounts
from users.admin.people import invitations as people_invitations
from users.admin.people import users as people_users
from users.admin.webhooks import pages as webhook_pages

__all__ = [
    "api_tokens",
    "bulk_pages",
    "events",
    "exports",
    "imports",
    "organizations",
    "outbox",
    "people_accounts",
    "people_invitations",
    "people_users",
    "privacy",
    "sessions",
    "webhook_pages",
]
