"""The files of an export in the private storage: one per part, in a directory."""

import secrets
from collections.abc import Iterator
from typing import IO, Final

from django.core.files import File

from users.privacy.files import private_storage

BLOCK: Final = 65_536


def new_directory() -> str:
    """Return a name with 256 random bits."""
    return f"user-exports/{secrets.token_urlsafe(32)}"


def store_part(directory: str, number: int, content: IO[bytes]) -> None:
    """Store a part; it replaces the part of a killed worker."""
    storage, name = private_storage(), _name(directory, number)
    storage.delete(name)
    storage.save(name, File(content))


def read_parts(directory: str, parts: int) -> Iterator[bytes]:
    """Yield the content of the first parts in blocks."""
    storage = private_storage()
    for number in range(parts):
        with storage.open(_name(directory, number)) as part:
            while block := part.read(BLOCK):
                yield block


def delete_parts(directory: str, parts: int) -> None:
    """Delete the parts, with one that a killed worker may have stored, and the directory."""
    storage = private_storage()
    for number in range(parts + 1):
        storage.delete(_name(directory, number))
    storage.delete(directory)


def _name(directory: str, number: int) -> str:
    return f"{directory}/{number}"
