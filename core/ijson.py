"""JSON that every client reads as it was sent: I-JSON (RFC 7493), and what older rows may hold."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Beyond, a double does not tell neighbouring integers apart (RFC 7493, section 2.2), and whether
# a number was written as an integer is lost when it is parsed: 1e20 and 100000000000000000000 are
# the same number in PostgreSQL's jsonb.
MAX_NUMBER: Final = 2**53 - 1


def normalize_json(value: object, *, max_depth: int) -> Any:
    """Return JSON as it is read back after it was stored.

    Raises `ValidationError` for numbers beyond ``MAX_NUMBER``, null characters, what is no
    Unicode text, and nesting deeper than ``max_depth``.
    """
    check_depth(value, max_depth=max_depth)
    for inner, _depth in _walk(value):
        if isinstance(inner, str) and "\0" in inner:
            raise ValidationError(_("Null characters are not allowed."))
        # NaN compares as false.
        if isinstance(inner, int | float) and not -MAX_NUMBER <= inner <= MAX_NUMBER:
            raise ValidationError(
                _("Use numbers between -%(max)d and %(max)d, and text for larger ones.")
                % {"max": MAX_NUMBER}
            )
    try:
        data = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise ValidationError(_("Use JSON values only, with texts in Unicode.")) from None
    loaded = orjson.loads(data)
    # PostgreSQL's numbers have no negative zero.
    return _map_scalars(loaded, _unsigned_zero) if b"-0.0" in data else loaded


def check_depth(value: object, *, max_depth: int) -> None:
    """Raise `ValidationError` if objects and lists are nested deeper than that."""
    if any(depth > max_depth for _inner, depth in _walk(value)):
        raise ValidationError(
            _("Nest objects and lists at most %(max)d deep.") % {"max": max_depth}
        )


def serializable(value: Any) -> Any:
    """Return JSON as orjson can write it; equal to the value, unless that is impossible.

    jsonb holds integers of any length, as former versions stored them. Beyond 64 bits they become
    doubles, which is what clients read them as, and beyond those texts.
    """
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _map_scalars(value, _writable)
    return value


def size_of(value: Any) -> int:
    """Return how many bytes of JSON a value is."""
    return len(orjson.dumps(serializable(value)))


def _walk(value: object) -> Iterator[tuple[object, int]]:
    """Yield all values and keys inside, each with its depth; iteratively, as it may be deep."""
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
    """Return JSON with its scalars changed. Its depth was bounded when it was stored."""
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
