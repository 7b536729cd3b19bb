"""I-JSON (RFC 7493), which every client decodes alike, and JSON in older rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Beyond this, doubles do not represent every integer (RFC 7493, section 2.2). Floats are bounded
# as well, because PostgreSQL's jsonb does not distinguish 1e20 from 100000000000000000000.
MAX_NUMBER: Final = 2**53 - 1


def decode_json(text: str) -> Any:
    """Return the value of JSON. Raises `ValueError`.

    Objects that have a key twice are refused: readers differ on its value (RFC 8259, section 4).
    """
    value = orjson.loads(text)
    try:
        json.loads(text, object_pairs_hook=_check_keys, parse_int=str, parse_float=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _check_keys(pairs: Sequence[tuple[str, Any]]) -> None:
    if len({key for key, _value in pairs}) < len(pairs):
        raise ValueError("a key is repeated")


def normalize_json(value: object, *, max_depth: int) -> Any:
    """Validate a JSON value; return it as PostgreSQL returns it once stored.

    Raises `ValidationError` for numbers beyond `MAX_NUMBER`, null characters, invalid Unicode,
    other types than JSON's, and nesting deeper than ``max_depth``.
    """
    check_depth(value, max_depth=max_depth)
    for inner, _depth in _walk(value):
        if isinstance(inner, str) and "\0" in inner:
            raise ValidationError(_("Null characters are not allowed."))
        # Also refuses NaN, whose comparisons are false.
        if isinstance(inner, int | float) and not -MAX_NUMBER <= inner <= MAX_NUMBER:
            raise ValidationError(
                _("Use numbers between -%(max)d and %(max)d, and text for larger ones.")
                % {"max": MAX_NUMBER}
            )
    try:
        data = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise ValidationError(_("Use JSON values only, with valid Unicode text.")) from None
    loaded = orjson.loads(data)
    # PostgreSQL's numeric has no negative zero.
    return _map_scalars(loaded, _unsigned_zero) if b"-0.0" in data else loaded


def check_depth(value: object, *, max_depth: int) -> None:
    """Raise `ValidationError` if objects and lists are nested deeper than ``max_depth``."""
    if any(depth > max_depth for _inner, depth in _walk(value)):
        raise ValidationError(
            _("Nest objects and lists at most %(max)d levels deep.") % {"max": max_depth}
        )


def serializable(value: Any) -> Any:
    """Return a JSON value that orjson can serialise, converting only what it cannot.

    jsonb may hold integers of any length, which former versions accepted. Integers beyond 64 bits
    become doubles, as clients decode them, and integers beyond the range of doubles become text.
    """
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _map_scalars(value, _writable)
    return value


def size_of(value: Any) -> int:
    """Return the size of a value as JSON, in bytes."""
    return len(orjson.dumps(serializable(value)))


def _walk(value: object) -> Iterator[tuple[object, int]]:
    """Yield all nested values and keys with their depth, without recursion."""
    pending = [(value, 1)]
    while pending:
        inner, depth = pending.pop()
        yield inner, depth
        if isinstance(inner, Mapping):
            pending += ((each, depth) for each in inner)
            inner = list(inner.values())
        if isinstance(inner, list):
            pending += ((each, depth + 1) for each in inner)


def _map_scalars(value: Any, change: Any) -> Any:
    """Apply ``change`` to all scalars; recursion is safe, because stored depth is bounded."""
    if isinstance(value, dict):
        return {change(key): _map_scalars(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_map_scalars(each, change) for each in value]
    return change(value)


def _unsigned_zero(value: Any) -> Any:
    return 0.0 if isinstance(value, float) and value == 0 else value


def _writable(value: Any) -> Any:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _from_other_type(value)
    return value


def _from_other_type(value: Any) -> Any:
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return str(value)
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    raise TypeError(f"{type(value).__name__} is no JSON.")
