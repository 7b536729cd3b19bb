"""Parsing and validation, once per distinct document."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Final, cast

import graphql.validation.rules.overlapping_fields_can_be_merged as overlapping_fields
from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from graphql.validation.validate import ValidationAbortedError
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import ExecutionContext

from engine.caches import SizedCache
from engine.operation import CompiledOperation
from schema.documents.cost import CostFormula
from schema.documents.limits import check_document, check_text
from schema.errors import RequestErrorCode, request_error

RULES: Final = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)

# Each costs CPU: "Did you mean" compares a name with those of all types.
MAX_VALIDATION_ERRORS: Final = 5
# Fields of one name are compared pairwise, so repeated fields cost quadratic time. The library
# offers the bound as an attribute of its module; its own takes 0.5 s of CPU.
MAX_COMPARISONS: Final = 35_000
overlapping_fields.MAX_COMPLEXITY_BUDGET = MAX_COMPARISONS
ABORTED: Final = "Validation aborted."

# Estimated bytes; tests/schema/test_adversarial_documents.py measures the real ones. The syntax
# tree repeats the text as names and values, with up to four bytes per character.
DOCUMENT_BYTES: Final = 25_000
TOKEN_BYTES: Final = 750
CHARACTER_BYTES: Final = 5
ERROR_BYTES: Final = 1_000
MAX_DOCUMENTS_BYTES: Final = 32 << 20


class Document:
    """A document within the limits on text: syntax tree, errors, cost, compiled operations."""

    def __init__(self, source: str) -> None:
        """Parse. Raises `GraphQLError` for bad syntax, and for a text that exceeds a limit."""
        self.source = source
        self.tokens = check_text(source)
        self.syntax: DocumentNode = parse(source)
        # By schema, of which there is but one outside the tests.
        self._errors: dict[GraphQLSchema, list[GraphQLError]] = {}
        # By operation; of the last schema.
        self._costs: Mapping[str | None, CostFormula] = {}
        self._root_fields: dict[str | None, list[str]] = {}
        self._names: dict[str | None, str] = {}
        # Compiled operations, by `operationName`.
        self.operations: dict[str | None, CompiledOperation] = {}

    @property
    def size(self) -> int:
        """The estimated bytes, without the plans of its operations."""
        errors = [error for errors in self._errors.values() for error in errors]
        messages = sum(len(error.message) for error in errors)
        return (
            DOCUMENT_BYTES
            + TOKEN_BYTES * self.tokens
            + CHARACTER_BYTES * (len(self.source) + messages)
            + ERROR_BYTES * len(errors)
            + sum(each.size for each in self._costs.values())
        )

    @cached_property
    def is_read_only(self) -> bool:
        """Whether all of its operations are queries."""
        return all(
            definition.operation is OperationType.QUERY
            for definition in self.syntax.definitions
            if isinstance(definition, OperationDefinitionNode)
        )

    def errors(self, schema: GraphQLSchema) -> list[GraphQLError]:
        """Return the exceeded limits, or else the violated validation rules.

        Limits first: some standard rules take quadratic time on documents that exceed them.
        """
        found = self._errors.get(schema)
        if found is None:
            checked = check_document(schema, self.syntax)
            found = checked.errors or _invalid(schema, self.syntax)
            # Before the errors, for threads that find these.
            self._costs = {} if found else checked.costs
            self._errors[schema] = found
            DOCUMENTS.remeasure(self.source, self)
        return found

    def cost(self, name: str | None) -> CostFormula | None:
        """Return what an operation costs; None if the document is not valid, or has none.

        Known once `errors` has been called.
        """
        found = self._costs.get(name)
        if found is None and name is None and len(self._costs) == 1:
            (found,) = self._costs.values()
        return found

    def root_fields(self, name: str | None) -> list[str]:
        """Return the names of an operation's root fields; of all operations without ``name``.

        `@skip` and `@include` are ignored. Subscriptions count, although the schema has none.
        """
        found = self._root_fields.get(name)
        if found is None:
            found = _root_fields(self.syntax, name)
            # Names without an operation come from the request: caching them would be unbounded.
            if found:
                self._root_fields[name] = found
        return found

    def operation_name(self, name: str | None) -> str:
        """Return the name of the operation that ``name`` selects; "" if it has none."""
        found = self._names.get(name)
        if found is None:
            names = [
                "" if each.name is None else each.name.value
                for each in self.syntax.definitions
                if isinstance(each, OperationDefinitionNode)
                and (name is None or (each.name is not None and each.name.value == name))
            ]
            if len(names) != 1:
                # Not cached: names without an operation come from the request.
                return ""
            (found,) = names
            self._names[name] = found
        return found


# By text.
DOCUMENTS: Final[SizedCache[Document]] = SizedCache(MAX_DOCUMENTS_BYTES, attrgetter("size"))


def document(source: str) -> Document:
    """Return the cached document of a text. Raises as `Document` does."""
    return DOCUMENTS.get_or_make(source, lambda: Document(source))


def _invalid(schema: GraphQLSchema, syntax: DocumentNode) -> list[GraphQLError]:
    found = validate(
        schema,
        syntax,
        RULES,
        max_errors=MAX_VALIDATION_ERRORS,
        # Suggestions would reveal names that closed introspection does not.
        hide_suggestions=settings.INTROSPECTION != "all",
    )
    errors = [_too_repetitive() if _is_aborted(error) else error for error in found]
    for error in errors:
        # Tracebacks would keep the frames of the validation in memory.
        for each in filter(None, (error, error.original_error)):
            each.__traceback__ = each.__context__ = None
        error.extensions = {"code": RequestErrorCode.VALIDATION_FAILED}
    return errors


def _is_aborted(error: GraphQLError) -> bool:
    return isinstance(error, ValidationAbortedError) and error.message == ABORTED


def _too_repetitive() -> GraphQLError:
    return GraphQLError(
        "This document repeats too many fields or fragments to be validated."
        " Select each field once, and spread fewer fragments."
    )


def _root_fields(syntax: DocumentNode, name: str | None) -> list[str]:
    fragments = {
        definition.name.value: definition.selection_set
        for definition in syntax.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    pending = _operations(syntax, name)
    found: dict[str, None] = {}
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FieldNode):
                found[node.name.value] = None
            elif isinstance(node, FragmentSpreadNode):
                # Each fragment once: a fragment may spread itself.
                fragment = fragments.pop(node.name.value, None)
                pending += [fragment] if fragment else []
            elif isinstance(node, InlineFragmentNode):
                pending.append(node.selection_set)
    return list(found)


def _operations(syntax: DocumentNode, name: str | None) -> list[SelectionSetNode]:
    return [
        definition.selection_set
        for definition in syntax.definitions
        if isinstance(definition, OperationDefinitionNode)
        and (name is None or (definition.name is not None and definition.name.value == name))
    ]


class Documents(SchemaExtension):
    """Gives Strawberry the cached syntax trees and validation errors."""

    def on_parse(self) -> Iterator[None]:
        """Parse, or look up. Raises `GraphQLError` if the operation is ambiguous."""
        context = self.execution_context
        syntax = context.graphql_document = document_of(context).syntax
        # Strawberry would execute the first operation, against the specification.
        named = context._provided_operation_name  # noqa: SLF001 - it has no public name
        operations = (isinstance(each, OperationDefinitionNode) for each in syntax.definitions)
        if named is None and sum(operations) > 1:
            raise request_error(
                RequestErrorCode.BAD_REQUEST,
                "There are several operations: name one in `operationName`.",
            )
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate, or look up."""
        context = self.execution_context
        if context.graphql_document is not None:
            context.pre_execution_errors = document_of(context).errors(
                context.schema._schema  # noqa: SLF001 - Strawberry has no public name for it
            )
        yield


def document_of(context: ExecutionContext) -> Document:
    """Return the document of an execution, cached or not."""
    source = context.query or ""
    known = cast("Document | None", getattr(context.context, "document", None))
    return known if known is not None and known.source == source else document(source)
