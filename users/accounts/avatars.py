"""Where people's pictures are kept: in the default storage, by names that nobody guesses."""

import re
from collections.abc import Mapping
from secrets import token_hex
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from users.accounts.pictures import TYPE, AvatarSize

DIRECTORY: Final = "avatars"
# What `name_of` makes, and so all that is served.
NAME: Final = re.compile(rf"{DIRECTORY}/[0-9a-f]{{2}}/[0-9a-f]{{32}}-[0-9]{{2,3}}\.{TYPE}")


def name_of(key: str, size: AvatarSize) -> str:
    """Return the name of a file; directories are for file systems that slow down in full ones."""
    return f"{DIRECTORY}/{key[:2]}/{key}-{size.value}.{TYPE}"


def url_of(key: str, size: AvatarSize) -> str:
    """Return where a picture is to be had."""
    return default_storage.url(name_of(key, size))


def keep(squares: Mapping[AvatarSize, bytes]) -> str:
    """Write the files, under a new key, and return it."""
    key = token_hex(16)
    for size, data in squares.items():
        default_storage.save(name_of(key, size), ContentFile(data))
    return key


def drop(key: str) -> None:
    """Remove the files of a key, as far as they are there."""
    for size in AvatarSize:
        default_storage.delete(name_of(key, size))
