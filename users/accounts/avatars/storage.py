"""Where people's pictures are kept: in the default storage, by names that nobody guesses."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from secrets import token_hex
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from users.accounts.avatars.images import TYPE, AvatarSize

DIRECTORY: Final = "avatars"
# What `file_name` makes, and so all that is served.
NAME: Final = re.compile(rf"{DIRECTORY}/[0-9a-f]{{2}}/([0-9a-f]{{32}})-[0-9]{{2,3}}\.{TYPE}")
# The keys begin with these; each is the name of a directory.
PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))


def file_name(key: str, size: AvatarSize) -> str:
    """Return the name of a file; directories are for file systems that slow down in full ones."""
    return f"{DIRECTORY}/{key[:2]}/{key}-{size.value}.{TYPE}"


def avatar_url(key: str, size: AvatarSize) -> str:
    """Return where a picture is to be had."""
    return default_storage.url(file_name(key, size))


def write_files(squares: Mapping[AvatarSize, bytes]) -> str:
    """Write the files, under a new key, and return it."""
    key = token_hex(16)
    for size, data in squares.items():
        default_storage.save(file_name(key, size), ContentFile(data))
    return key


def delete_files_of(key: str) -> None:
    """Remove the files of a key, as far as they are there."""
    for size in AvatarSize:
        default_storage.delete(file_name(key, size))


def keys_under(prefix: str) -> Iterator[str]:
    """Return the keys of which there are files in one of the directories, each once."""
    try:
        _directories, files = default_storage.listdir(f"{DIRECTORY}/{prefix}")
    except FileNotFoundError:
        # A file system has no directory yet; other storages return nothing.
        return
    names = (NAME.fullmatch(f"{DIRECTORY}/{prefix}/{file}") for file in files)
    yield from sorted({name[1] for name in names if name})


def is_older(key: str, age: timedelta) -> bool:
    """Tell whether all files of a key, as far as they are there, have been there for so long."""
    names = [name for size in AvatarSize if default_storage.exists(name := file_name(key, size))]
    written = [default_storage.get_modified_time(name) for name in names]
    return bool(written) and max(written) <= timezone.now() - age
