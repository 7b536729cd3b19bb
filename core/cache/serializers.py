"""Serializers for cache servers, in place of pickle: JSON, and bytes as they are.

Django's default is pickle, which executes code while it loads. A cache server is often shared and
rarely protected like the service, so its content is untrusted input. Invalid JSON loads as None,
which counts as a miss; `core.cache.sealing` verifies bytes.
"""

import json
from typing import Any


class JSONSerializer:
    """A serializer for django-redis."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Ignore the options that django-redis passes."""

    def dumps(self, value: Any) -> bytes:
        """Return the value as JSON."""
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return the decoded value; None if the data is not valid JSON."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


class JSONSerde:
    """A serializer for pymemcache; it ignores flags, which could request unpickling."""

    def __init__(self) -> None:
        """Use `JSONSerializer`."""
        self.format = JSONSerializer({})

    def serialize(self, _key: object, value: Any) -> tuple[bytes, int]:
        """Return the value as JSON, and no flags."""
        return self.format.dumps(value), 0

    def deserialize(self, _key: object, data: bytes, _flags: int) -> Any:
        """Return the decoded value; None if the data is not valid JSON."""
        return self.format.loads(data)


class BytesSerializer:
    """A serializer for django-redis, which reads digits as an integer all the same."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Ignore the options that django-redis passes."""

    def dumps(self, value: bytes) -> bytes:
        """Return the value."""
        return value

    def loads(self, data: bytes) -> bytes:
        """Return the data."""
        return data


class BytesSerde:
    """A serializer for pymemcache; it ignores flags."""

    def serialize(self, _key: object, value: bytes) -> tuple[bytes, int]:
        """Return the value, and no flags."""
        return value, 0

    def deserialize(self, _key: object, data: bytes, _flags: int) -> bytes:
        """Return the data."""
        return data
