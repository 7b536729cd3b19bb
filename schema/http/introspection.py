"""Access control and cache of introspection."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

import orjson
from django.conf import settings
from django.utils.translation import gettext as _
from graphql import GraphQLError, OperationDefinitionNode, get_variable_values
from strawberry.types import ExecutionResult

from core.errors import GenericErrorCode
from core.security.actor import Actor
from engine.caches import SizedCache
from engine.internals.strawberry import core_schema
from engine.plan.selection import NotPlannableError, OperationDocument
from schema.documents.document import Document
from schema.http.schema_reader import SchemaReader
from schema.root import schema

FIELDS: Final = frozenset({"__schema", "__type"})
MAX_BYTES: Final = 16 << 20


class _Answer(NamedTuple):
    """The cached JSON data, and the bytes of data and key."""

    data: orjson.Fragment
    size: int


# By document text and `operationName`.
INTROSPECTIONS: Final[SizedCache[_Answer]] = SizedCache(MAX_BYTES, attrgetter("size"))


def may_introspect(actor: Actor) -> bool:
    """Return whether introspection is open to the actor."""
    return settings.INTROSPECTION == "all" or actor.is_authenticated


def is_introspection(root_fields: Sequence[str]) -> bool:
    """Return whether the root fields include introspection of the schema."""
    return not FIELDS.isdisjoint(root_fields)


def run_introspection(
    document: Document | None,
    name: str | None,
    actor: Actor,
    execute: Callable[[], ExecutionResult],
    variables: dict[str, Any] | None,
) -> ExecutionResult:
    """Execute an operation; deny, read or cache its introspection.

    Without other root fields, introspection is read by `SchemaReader`, and the data is an
    `orjson.Fragment`. It is cached by document if there are no variables.
    """
    fields = document.root_fields(name) if document else []
    if document is None or not is_introspection(fields):
        return execute()
    if not may_introspect(actor):
        return ExecutionResult(data=None, errors=[_introspection_closed()])
    if not all(field.startswith("__") for field in fields):
        return execute()
    has_variables = _has_variables(document)
    key = (document.source, name)
    answer = None if has_variables else INTROSPECTIONS.get(key)
    if answer is None:
        data = _read(document, name, variables or {})
        if data is None:
            return execute()
        answer = _Answer(orjson.Fragment(data), len(data) + 4 * len(document.source))
        if not has_variables:
            INTROSPECTIONS.put(key, answer)
    return ExecutionResult(data=cast("Any", answer.data), errors=None)


def _read(document: Document, name: str | None, variables: dict[str, Any]) -> bytes | None:
    """Return the introspection as JSON; None if an executor has to report errors."""
    core = core_schema(schema)
    if document.errors(core):
        return None
    try:
        operation = OperationDocument.of(core, document.syntax, name)
        definitions = operation.operation.variable_definitions or ()
        values = get_variable_values(core, definitions, variables)
        if isinstance(values, list):
            return None
        return orjson.dumps(SchemaReader(operation, values).data())
    except (NotPlannableError, GraphQLError):
        return None


def _has_variables(document: Document) -> bool:
    """Return whether an operation has variables."""
    return any(
        isinstance(each, OperationDefinitionNode) and each.variable_definitions
        for each in document.syntax.definitions
    )


def _introspection_closed() -> GraphQLError:
    return GraphQLError(
        _("Sign in to read the schema by introspection."),
        extensions={"code": GenericErrorCode.UNAUTHENTICATED},
    )
