"""What distinguishes the running release from others that share a cache with it."""

import sys
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Final

from core.cached_settings import settings

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("core", "engine", "schema", "users")
# The libraries that form answers.
LIBRARIES: Final = (
    "Django",
    "graphql-core",
    "orjson",
    "psycopg",
    "strawberry-graphql",
    "strawberry-graphql-django",
)


@cache
def release_fingerprint() -> bytes:
    """Return a digest of code, libraries and settings; computed once per process.

    That takes 20 ms. The digest differs between releases and between configurations, which answer
    differently. It may also differ where files or variables differ without an effect.
    """
    versions = [sys.version, *(f"{name} {version(name)}" for name in LIBRARIES)]
    digest = blake2b("\0".join(versions).encode(), digest_size=32)
    digest.update(settings.CONFIGURATION_DIGEST)
    for package in PACKAGES:
        digest.update(_digest_of_files(ROOT / package))
    return digest.digest()


def _digest_of_files(directory: Path) -> bytes:
    """Return a digest of all files' paths and contents, without compiled Python."""
    digest = blake2b()
    for path in sorted(directory.rglob("*")):
        if path.suffix != ".pyc" and path.is_file():
            content = path.read_bytes()
            header = f"{path.relative_to(directory)}\0{len(content)}\0"
            digest.update(header.encode(errors="surrogateescape") + content)
    return digest.digest()
