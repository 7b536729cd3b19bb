"""How values lie in a cache server: as JSON, of which nothing can run.

Django's own default is pickle, whose reader runs what it reads. A cache server is often shared and
rarely guarded like the service, so what comes from it is data of a stranger. What is no JSON reads
as None; `core.cache` takes that for a miss.
"""

import json
from typing import Any


class JSONSerializer:
    """A serializer of django-redis."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Take no options."""

    def dumps(self, value: Any) -> bytes:
        """Write a value."""
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Read a value, or None."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


class JSONSerde:
    """The same for pymemcache; flags, by which others would have it unpickle, count for nothing."""

    def __init__(self) -> None:
        """Use the format of Redis."""
        self.format = JSONSerializer({})

    def serialize(self, _key: object, value: Any) -> tuple[bytes, int]:
        """Write a value."""
        return self.format.dumps(value), 0

    def deserialize(self, _key: object, data: bytes, _flags: int) -> Any:
        """Read a value, or None."""
        return self.format.loads(data)
