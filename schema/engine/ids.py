"""Global ids (Relay) of many objects at once."""

from binascii import b2a_base64
from collections.abc import Sequence
from typing import Any


def global_ids(type_name: str, keys: Sequence[Any]) -> list[str]:
    """Return the ids of objects of a type: `type_name:key` in base64, as Strawberry has them.

    Texts of one length, as those of UUIDs are, are encoded in one go. Base64 makes four signs of
    three bytes; so each text is filled up with zeros, and what these became is cut off again.
    """
    texts = [f"{type_name}:{key}" for key in keys]
    together = "".join(texts)
    sizes = set(map(len, texts))
    if len(sizes) != 1 or not together.isascii():
        return [_base64(text) for text in texts]
    (size,) = sizes
    missing = -size % 3
    if missing:
        filling = "\0" * missing
        together = f"{filling.join(texts)}{filling}"
    width = (size + missing) // 3 * 4
    encoded, end = _base64(together), "=" * missing
    return [
        encoded[start : start + width - missing] + end for start in range(0, len(encoded), width)
    ]


def _base64(text: str) -> str:
    return b2a_base64(text.encode(), newline=False).decode()
