"""Files of imports, in the private storage, which has no URLs."""

import secrets
from collections.abc import Container
from datetime import timedelta
from typing import Final

from django.utils import timezone

from users.privacy.files import private_storage

DIRECTORY: Final = "imports"
# Far longer than from storing a file to writing its import.
UNUSED_AFTER: Final = timedelta(days=1)


def new_import_name() -> str:
    """Return a name with 256 random bits."""
    return f"{DIRECTORY}/{secrets.token_urlsafe(32)}"


def delete_unused(used: Container[str]) -> None:
    """Delete the files that are not ``used``, once `UNUSED_AFTER` has passed."""
    storage, unused_since = private_storage(), timezone.now() - UNUSED_AFTER
    _directories, names = storage.listdir(DIRECTORY) if storage.exists(DIRECTORY) else ([], [])
    for name in (f"{DIRECTORY}/{name}" for name in names):
        if name not in used and storage.get_modified_time(name) < unused_since:
            storage.delete(name)
