"""What applications note about people as JSON: its limits, its schemas, and patches of it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

MAX_BYTES: Final = 16_384
# Deep enough for settings, and shallow enough for whatever walks it.
MAX_DEPTH: Final = 10
MAX_PROBLEMS: Final = 10
MAX_MESSAGE: Final = 200
REFERENCES: Final = ("$ref", "$dynamicRef")
# It retrieves nothing, from nowhere.
REGISTRY: Final[Registry[Any]] = Registry()


def normalized(value: object) -> Any:
    """Return JSON as it is stored. Raises `ValidationError` for what cannot be, or is too much."""
    _check_shape(value)
    try:
        data = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise ValidationError(_("Use numbers of at most 64 bits, and texts in Unicode.")) from None
    if len(data) > MAX_BYTES:
        raise ValidationError(_("Use at most %(max)d bytes of JSON.") % {"max": MAX_BYTES})
    return orjson.loads(data)


def _check_shape(value: object) -> None:
    pending = [(value, 1)]
    while pending:
        inner, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValidationError(
                _("Nest objects and lists at most %(max)d deep.") % {"max": MAX_DEPTH}
            )
        if isinstance(inner, str) and "\0" in inner:
            raise ValidationError(_("Null characters are not allowed."))
        if isinstance(inner, Mapping):
            pending += ((each, depth) for each in inner)
            inner = list(inner.values())
        if isinstance(inner, list):
            pending += ((each, depth + 1) for each in inner)


def patched(target: Any, patch: Any) -> Any:
    """Return the target with a merge patch applied (RFC 7396): null removes a key."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result


def violations(value: Any, *, kind: str) -> Iterator[str]:
    """Yield where (RFC 6901) and how metadata violates the deployment's schema for its kind."""
    schema = schemas()[kind]
    if not schema:
        return
    validator = Draft202012Validator(schema, registry=REGISTRY)
    found = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    for error in found[:MAX_PROBLEMS]:
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
        pointer = "".join(f"/{step}" for step in steps)
        yield _("At “%(pointer)s”: %(reason)s") % {
            "pointer": pointer,
            "reason": error.message[:MAX_MESSAGE],
        }


def schemas() -> dict[str, dict[str, Any]]:
    """Return the deployment's schemas by the kind of metadata; an empty one lets everything in."""
    return {
        "public": settings.PUBLIC_METADATA_SCHEMA,
        "private": settings.PRIVATE_METADATA_SCHEMA,
    }


def faults_of(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a schema: it has to be one, of Draft 2020-12 and by itself."""
    dialect = Draft202012Validator.META_SCHEMA["$id"]
    if schema.get("$schema", dialect) != dialect:
        yield f"`$schema` must be {dialect}."
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        yield f"{error.json_path}: {error.message[:MAX_MESSAGE]}"
        return
    resolver = REGISTRY.resolver_with_root(DRAFT202012.create_resource(schema))
    for reference in _references(schema):
        if not reference.startswith("#"):
            yield f"{reference} is elsewhere, and nothing is fetched: bring it in by `$defs`."
            continue
        try:
            resolver.lookup(reference)
        except Unresolvable:
            yield f"{reference} leads nowhere."


def _references(schema: Any) -> Iterator[str]:
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            yield from (node[key] for key in REFERENCES if isinstance(node.get(key), str))
            pending += node.values()
        elif isinstance(node, list):
            pending += node
