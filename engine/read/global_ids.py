"""Global ids (Relay) of many objects at once."""

from binascii import b2a_base64
from collections.abc import Sequence
from typing import Any


def global_ids(type_name: str, keys: Sequence[Any]) -> list[str]:
    """Return the ids of objects of a type: `type_name:key` in base64, as Strawberry's.

    Texts of equal length, such as UUIDs, are encoded in one call. Base64 encodes three bytes as
    four characters, so each text is padded with zeros to a multiple of three, and the characters
    of the zeros are overwritten by base64's own padding.
    """
    prefix, texts = f"{type_name}:", list(map(str, keys))
    if len(texts) == 1:
        return [_base64(f"{prefix}{texts[0]}").decode()]
    sizes = set(map(len, texts))
    filling = "\0" * (-(len(prefix) + max(sizes, default=0)) % 3)
    together = prefix + f"{filling}{prefix}".join(texts) + filling
    if len(sizes) != 1 or not together.isascii():
        return [_base64(f"{prefix}{text}").decode() for text in texts]
    encoded = bytearray(_base64(together))
    width = len(encoded) // len(texts)
    for position in range(width - len(filling), width):
        encoded[position::width] = b"=" * len(texts)
    ids = encoded.decode()
    return [ids[start : start + width] for start in range(0, len(ids), width)]


def _base64(text: str) -> bytes:
    return b2a_base64(text.encode(), newline=False)
