"""Parsing and validation, done once for each distinct document."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from schema.errors import RequestErrorCode, request_error
from schema.limits import check_document, check_tokens

# The largest document that passes the limits takes 0.6 MB; usual ones a hundredth of that.
MAX_DOCUMENTS: Final = 250


@lru_cache(MAX_DOCUMENTS)
def parsed(source: str) -> DocumentNode:
    """Return the syntax tree. Raises `GraphQLError` for bad syntax or too large a document."""
    check_tokens(source)
    return parse(source)


@lru_cache(MAX_DOCUMENTS)
def verdict(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    """Return what is wrong with a document.

    The limits come first: some of the standard rules take long on what exceeds them.
    """
    errors = check_document(document)
    if not errors:
        errors = validate_document(schema, document, rules)
        for error in errors:
            error.extensions = {"code": RequestErrorCode.VALIDATION_FAILED}
    return errors


class Documents(SchemaExtension):
    """Takes syntax trees and verdicts from bounded caches."""

    def on_parse(self) -> Iterator[None]:
        """Parse, or look up. Raises `GraphQLError` if it is open which operation is meant."""
        context = self.execution_context
        document = context.graphql_document = parsed(context.query or "")
        # Strawberry would execute the first operation, against the specification.
        named = context._provided_operation_name  # noqa: SLF001 - it has no public name
        operations = (isinstance(each, OperationDefinitionNode) for each in document.definitions)
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
            context.pre_execution_errors = verdict(
                context.schema._schema,  # noqa: SLF001 - Strawberry has no public name for it
                context.graphql_document,
                context.validation_rules,
            )
        yield
