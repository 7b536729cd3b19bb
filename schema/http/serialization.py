"""Answers as bytes; whatever is in them, there is an answer."""

import logging
from collections.abc import Iterator
from typing import Any, TypeAlias

import orjson
from django.utils.translation import gettext as _

from schema.errors import RequestErrorCode

logger = logging.getLogger(__name__)

Path: TypeAlias = tuple[str | int, ...]


def serialize(payload: dict[str, Any]) -> bytes:
    """Return the payload of a response as JSON.

    Scalars answer what can be serialised. If one does not, its field is null and an error tells
    so: a mutation was carried out by now, and other fields are as good as before.
    """
    try:
        return orjson.dumps(payload)
    except orjson.JSONEncodeError:
        logger.exception("an answer cannot be serialised")
    paths = list(_unserializable(payload.get("data"), ()))
    data = _without(payload.get("data"), set(paths), ())
    errors = [
        {
            "message": _("Something went wrong on our side."),
            "path": path,
            "extensions": {"code": RequestErrorCode.INTERNAL_ERROR},
        }
        for path in paths
    ]
    return orjson.dumps(payload | {"data": data, "errors": [*payload.get("errors", ()), *errors]})


def _unserializable(value: Any, path: Path) -> Iterator[Path]:
    """Yield the paths of the leaves that orjson does not serialise."""
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
    """Return data with null at the paths."""
    if path in paths:
        return None
    if isinstance(value, dict):
        return {key: _without(each, paths, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(each, paths, (*path, index)) for index, each in enumerate(value)]
    return value
