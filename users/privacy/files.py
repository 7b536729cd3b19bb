"""Files of exports, in the private storage, which has no URLs."""

import secrets

from django.core.files.storage import Storage, storages


def private_storage() -> Storage:
    """Return the private storage; a callable, so that a changed storage needs no migration."""
    return storages["private"]


def new_export_name() -> str:
    """Return a name with 256 random bits."""
    return f"exports/{secrets.token_urlsafe(32)}.json"
