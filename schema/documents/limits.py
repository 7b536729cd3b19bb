"""Limits of an operation, each with its own error code.

Characters, tokens and nesting are counted before parsing, because the parser is recursive; the
others are measured on the syntax tree. Each fragment is measured once, so that fragments that
spread each other twice do not take exponential time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    Lexer,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Source,
    TokenKind,
)

from schema.documents.cost import CostFormula
from schema.documents.weights import cost_formulas
from schema.errors import RequestErrorCode, request_error

MAX_CHARACTERS: Final = 100_000
MAX_TOKENS: Final = 1_000
MAX_NESTING: Final = 60
MAX_DEPTH: Final = 15
MAX_ALIASES: Final = 30
MAX_ROOT_FIELDS: Final = 10
MAX_DIRECTIVES: Final = 20
# In variables. Converting an input object takes up to 0.2 ms, also for anonymous clients.
MAX_OBJECTS: Final = 1_000

_OPENING = {TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L}
_CLOSING = {TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R}


def check_text(source: str) -> int:
    """Return the number of tokens. Raises `GraphQLError` for a document that is too large.

    Limits characters, tokens and nesting of brackets. Comments count, because the syntax tree
    keeps them.
    """
    if len(source) > MAX_CHARACTERS:
        raise _exceeded(RequestErrorCode.DOCUMENT_TOO_LARGE, "characters", MAX_CHARACTERS)
    lexer = Lexer(Source(source))
    tokens = nesting = position = 0
    while (token := lexer.read_next_token(position)).kind is not TokenKind.EOF:
        kind, position = token.kind, token.end
        tokens += 1
        if kind in _OPENING:
            nesting += 1
        elif kind in _CLOSING:
            nesting -= 1
        if tokens > MAX_TOKENS:
            raise _exceeded(RequestErrorCode.TOKENS_EXCEEDED, "tokens", MAX_TOKENS)
        if nesting > MAX_NESTING:
            raise _exceeded(RequestErrorCode.DEPTH_EXCEEDED, "levels of brackets", MAX_NESTING)
    return tokens


def check_variables(variables: Mapping[str, Any]) -> None:
    """Raise `GraphQLError` if the variables contain too many objects."""
    objects = 0
    pending: list[Any] = [variables]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            objects += 1
            if objects > MAX_OBJECTS:
                raise _exceeded(RequestErrorCode.VARIABLES_TOO_LARGE, "objects", MAX_OBJECTS)
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


@dataclass(frozen=True, slots=True)
class Measure:
    """The size of a selection set."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    fields: int = 0


class Checked(NamedTuple):
    """The limits that operations of a document exceed, or else their costs by name."""

    errors: list[GraphQLError]
    costs: Mapping[str | None, CostFormula]


def check_document(schema: GraphQLSchema, document: DocumentNode) -> Checked:
    """Return an error for each limit that one of the document's operations exceeds.

    Page sizes in variables are checked with each request (`Cost.check`).
    """
    errors = _sizes_exceeded(document)
    if errors:
        return Checked(errors, {})
    try:
        return Checked([], cost_formulas(schema, document, MAX_DEPTH))
    except GraphQLError as error:
        # The traceback would keep the frames alive while the document is cached.
        return Checked([error.with_traceback(None)], {})


def _sizes_exceeded(document: DocumentNode) -> list[GraphQLError]:
    meter = _Meter(document)
    errors = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = meter.measure(definition.selection_set)
            directives = size.directives + len(definition.directives or ())
            errors += [
                _exceeded(code, what, limit)
                for code, what, limit, value in (
                    (RequestErrorCode.DEPTH_EXCEEDED, "levels", MAX_DEPTH, size.depth),
                    (RequestErrorCode.ALIASES_EXCEEDED, "aliases", MAX_ALIASES, size.aliases),
                    (
                        RequestErrorCode.ROOT_FIELDS_EXCEEDED,
                        "root fields",
                        MAX_ROOT_FIELDS,
                        size.fields,
                    ),
                    (
                        RequestErrorCode.DIRECTIVES_EXCEEDED,
                        "directives",
                        MAX_DIRECTIVES,
                        directives,
                    ),
                )
                if value > limit
            ]
    return errors


class _Meter:
    """Measures selection sets. A fragment that spreads itself counts as empty there."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._measured: dict[str, Measure] = {}

    def measure(self, selections: SelectionSetNode | None) -> Measure:
        if selections is None:
            return Measure()
        parts = [self._selection(selection) for selection in selections.selections]
        return Measure(
            depth=max((part.depth for part in parts), default=0),
            aliases=sum(part.aliases for part in parts),
            directives=sum(part.directives for part in parts),
            fields=sum(part.fields for part in parts),
        )

    def _selection(self, node: SelectionNode) -> Measure:
        if isinstance(node, FragmentSpreadNode):
            inner = self._fragment(node.name.value)
        else:
            inner = self.measure(getattr(node, "selection_set", None))
        directives = inner.directives + len(node.directives or ())
        if not isinstance(node, FieldNode):
            return Measure(inner.depth, inner.aliases, directives, inner.fields)
        return Measure(
            depth=inner.depth + 1,
            aliases=inner.aliases + (node.alias is not None),
            directives=directives,
            fields=1,
        )

    def _fragment(self, name: str) -> Measure:
        if name not in self._measured:
            self._measured[name] = Measure()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._measured[name] = self.measure(fragment.selection_set)
        return self._measured[name]


def _exceeded(code: RequestErrorCode, what: str, limit: int) -> GraphQLError:
    return request_error(code, f"This operation has more than {limit:,} {what}.")
