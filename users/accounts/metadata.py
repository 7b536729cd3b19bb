"""User metadata, which applications store as JSON: limits, schemas and merge patches."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.exceptions import ValidationError as SchemaViolation
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from core import ijson

MAX_BYTES: Final = 16_384
# Shallow enough for recursive consumers.
MAX_DEPTH: Final = 10
MAX_PROBLEMS: Final = 10
MAX_MESSAGE: Final = 200
REFERENCES: Final = ("$ref", "$dynamicRef")
# Without a retriever: no reference causes a request (SSRF).
REGISTRY: Final[Registry[Any]] = Registry()


def normalize_metadata(value: object) -> Any:
    """Return JSON as PostgreSQL stores it. Raises `ValidationError` if it cannot be stored."""
    result = ijson.normalize_json(value, max_depth=MAX_DEPTH)
    check_size(result)
    return result


def check_size(value: object) -> None:
    """Raise `ValidationError` if the JSON is larger than `MAX_BYTES` or too deep.

    Does not normalise, so that a patched value may keep parts that earlier rules accepted.
    """
    ijson.check_depth(value, max_depth=MAX_DEPTH)
    if ijson.size_of(value) > MAX_BYTES:
        raise ValidationError(_("Use at most %(max)d bytes of JSON.") % {"max": MAX_BYTES})


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """Return the target with a merge patch applied (RFC 7396): null removes a key."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = apply_merge_patch(result.get(key), value)
    return result


def violations(value: Any, *, kind: str) -> Iterator[str]:
    """Yield each violation of the deployment's schema, with its JSON pointer (RFC 6901)."""
    schema = schemas()[kind]
    if not schema:
        return
    validator = Draft202012Validator(schema, registry=REGISTRY)
    errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    for error in errors[:MAX_PROBLEMS]:
        steps = (str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
        pointer = "".join(f"/{step}" for step in steps)
        yield _("At “%(pointer)s”: %(reason)s") % {
            "pointer": pointer,
            "reason": _in_json(error)[:MAX_MESSAGE],
        }


def _in_json(error: SchemaViolation) -> str:
    """Return the message with its values in JSON instead of Python's notation."""
    message = error.message
    for value in (error.instance, error.validator_value):
        message = message.replace(repr(value), json.dumps(value, ensure_ascii=False))
    return message


def schemas() -> dict[str, dict[str, Any]]:
    """Return the deployment's schema for each kind; an empty one accepts any value."""
    return {
        "public": settings.PUBLIC_METADATA_SCHEMA,
        "private": settings.PRIVATE_METADATA_SCHEMA,
    }


def schema_faults(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a schema: it must be valid Draft 2020-12 and self-contained."""
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
            yield f"{reference} is external, and external schemas are not fetched: use `$defs`."
            continue
        try:
            resolver.lookup(reference)
        except Unresolvable:
            yield f"{reference} does not resolve."


def _references(schema: Any) -> Iterator[str]:
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            yield from (node[key] for key in REFERENCES if isinstance(node.get(key), str))
            pending += node.values()
        elif isinstance(node, list):
            pending += node
