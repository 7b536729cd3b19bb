"""JSON serialization of responses."""

import logging
from collections.abc import Iterator
from typing import Any, TypeAlias

import orjson

from schema.errors import internal_error

logger = logging.getLogger(__name__)

Path: TypeAlias = tuple[str | int, ...]


def serialize(payload: dict[str, Any]) -> bytes:
    """Serialize a response.

    A value that is not JSON is a fault of its scalar. Its field becomes null, with an error:
    failing the response would hide that a mutation was executed, and the other fields are valid.
    """
    try:
        return orjson.dumps(payload)
    except orjson.JSONEncodeError:
        logger.exception("a response cannot be serialized")
    paths = list(_unserializable(payload.get("data"), ()))
    data = _without(payload.get("data"), set(paths), ())
    errors = [internal_error() | {"path": path} for path in paths]
    return orjson.dumps(payload | {"data": data, "errors": [*payload.get("errors", ()), *errors]})


def _unserializable(value: Any, path: Path) -> Iterator[Path]:
    """Yield the paths of the leaves that orjson cannot serialize."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _unserializable(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _unserializable(each, (*path, index))
    else:
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError:
            yield path


def _without(value: Any, paths: set[Path], path: Path) -> Any:
    """Return a copy of the data with null at the paths."""
    if path in paths:
        return None
    if isinstance(value, dict):
        return {key: _without(each, paths, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(each, paths, (*path, index)) for index, each in enumerate(value)]
    return value
