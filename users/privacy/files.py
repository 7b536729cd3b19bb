"""Where exports lie: in Django's storage of private files, which no URL leads to."""

import secrets

from django.core.files.storage import Storage, storages


def private_storage() -> Storage:
    """Return the storage; a function, so that another one needs no migration."""
    return storages["private"]


def new_export_name() -> str:
    """Return a name with 256 random bits."""
    return f"exports/{secrets.token_urlsafe(32)}.json"
