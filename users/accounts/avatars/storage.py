"""Files of avatars, in the default storage under unguessable names."""

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
# The names of `file_name`; no others are served.
NAME: Final = re.compile(rf"{DIRECTORY}/[0-9a-f]{{2}}/([0-9a-f]{{32}})-[0-9]{{2,3}}\.{TYPE}")
# The directories: the first two hexadecimal digits of the keys.
PREFIXES: Final = tuple(f"{number:02x}" for number in range(256))


def file_name(key: str, size: AvatarSize) -> str:
    """Return the name of a file, sharded into directories to keep them small."""
    return f"{DIRECTORY}/{key[:2]}/{key}-{size.value}.{TYPE}"


def avatar_url(key: str, size: AvatarSize) -> str:
    """Return the URL of an avatar."""
    return default_storage.url(file_name(key, size))


def write_files(squares: Mapping[AvatarSize, bytes]) -> str:
    """Write the files under a new key; return the key."""
    key = token_hex(16)
    for size, data in squares.items():
        default_storage.save(file_name(key, size), ContentFile(data))
    return key


def delete_files_of(key: str) -> None:
    """Delete the files of a key; missing files are skipped."""
    for size in AvatarSize:
        default_storage.delete(file_name(key, size))


def keys_under(prefix: str) -> Iterator[str]:
    """Yield the distinct keys of the files in one directory."""
    try:
        _directories, files = default_storage.listdir(f"{DIRECTORY}/{prefix}")
    except FileNotFoundError:
        # File systems raise for a missing directory; other storages return an empty list.
        return
    names = (NAME.fullmatch(f"{DIRECTORY}/{prefix}/{file}") for file in files)
    yield from sorted({name[1] for name in names if name})


def is_older(key: str, age: timedelta) -> bool:
    """Return True if the key has files and all are at least ``age`` old."""
    names = [name for size in AvatarSize if default_storage.exists(name := file_name(key, size))]
    written = [default_storage.get_modified_time(name) for name in names]
    return bool(written) and max(written) <= timezone.now() - age
