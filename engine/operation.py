"""Compiled operations: planned once, executed for many requests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationType,
    VariableValues,
    get_variable_values,
)
from strawberry import Schema

from engine.caches import SizedCache
from engine.execution import OnStatement, RequestContext
from engine.explain import explain_plan
from engine.fields.declarations import check_selection
from engine.fields.dependencies import Dependencies, Entity, NotCacheableError, dependencies_of
from engine.internals.graphql_core import text_values, text_variables
from engine.internals.strawberry import core_schema
from engine.plan.selection import NotPlannableError, OperationDocument, Plan
from engine.result.bounds import MAX_ERRORS, Bounds
from engine.result.completion import ErrorCell, PartialCell, errors_of
from engine.trace import Trace
from engine.walk import MutationExecution, QueryExecution


@dataclass(frozen=True, eq=False, slots=True)
class _CachedPlan:
    """A plan, with the bytes of the document that it references."""

    plan: Plan
    document_bytes: int

    @property
    def size(self) -> int:
        return self.plan.size + self.document_bytes


# As graphql-core's executor: each error repeats the value, and looks for similar names.
VARIABLE_ERRORS: Final = 50
# By operation and the values of the variables of `@skip` and `@include`.
PLANS: Final[SizedCache[_CachedPlan]] = SizedCache(64 << 20, attrgetter("size"))


@dataclass(eq=False, slots=True)
class CompiledOperation:
    """An operation of a valid document."""

    schema: Schema
    document: OperationDocument
    condition_names: list[str]
    # The signatures of its variables, if all are texts.
    texts: Mapping[str, Any] | None
    # The size of the document, which a plan references.
    document_bytes: int = 0
    # Called for each statement.
    on_statement: OnStatement | None = None
    # Whether answers may be cached; None until that is known, or if it depends on the arguments.
    is_cacheable: bool | None = field(init=False, default=None)

    @classmethod
    def of(
        cls,
        schema: Schema,
        document: DocumentNode,
        name: str | None,
        document_bytes: int = 0,
        on_statement: OnStatement | None = None,
    ) -> "CompiledOperation":
        """Prepare an operation. Raises `NotPlannableError` if the engine cannot execute it."""
        found = OperationDocument.of(core_schema(schema), document, name)
        texts = text_variables(found.schema, found.operation.variable_definitions or ())
        return cls(schema, found, found.condition_variables(), texts, document_bytes, on_statement)

    @property
    def is_mutation(self) -> bool:
        """Whether it is a mutation."""
        return self.document.operation.operation is OperationType.MUTATION

    def execute(
        self,
        given: dict[str, Any] | None,
        context: RequestContext,
        root_value: Any = None,
        trace: Trace | None = None,
        bounds: Bounds | None = None,
    ) -> ExecutionResult:
        """Execute with these variables; return what graphql-core would.

        Raises `NotPlannableError` before anything is executed, and `OperationCancelledError` if a
        query exceeds its bounds. Fields of a mutation fail with `FieldCancelledError` instead.
        """
        variables = self._coerce(given or {})
        if isinstance(variables, list):
            return ExecutionResult(None, variables)
        try:
            plan = self.plan(variables)
        except GraphQLError as error:
            return ExecutionResult(None, [error])
        class_ = MutationExecution if self.is_mutation else QueryExecution
        execution = class_(
            plan, self.schema, context, variables, root_value, trace, bounds or Bounds()
        )
        if self.on_statement is not None:
            execution.on_statement = self.on_statement
        if trace is not None:
            trace.explain = partial(explain_plan, execution)
        try:
            cell = execution.root()
        except NotPlannableError as error:
            # A mutation may have been executed: graphql-core must not execute it again.
            raise RuntimeError(f"The plan overlooked {error}.") from error
        if not isinstance(cell, ErrorCell | PartialCell):
            return ExecutionResult(cell, None)
        data = cell.value if isinstance(cell, PartialCell) else None
        return ExecutionResult(data, list(islice(errors_of(cell), MAX_ERRORS)))

    def dependencies(
        self, given: dict[str, Any] | None, context: RequestContext, single: Iterable[Entity] = ()
    ) -> set[UUID]:
        """Return the keys of the entities that the answer depends on.

        ``single`` as for `dependencies_of`. Raises `NotCacheableError`, `NotPlannableError` and,
        for variables and arguments, `GraphQLError`.
        """
        variables = self._coerce(given or {})
        if isinstance(variables, list):
            raise variables[0]
        plan = self.plan(variables)
        if plan.dependencies is None:
            try:
                plan.dependencies = dependencies_of(plan, single)
            except NotCacheableError as error:
                plan.dependencies = str(error)
        found: Dependencies | str = plan.dependencies
        if isinstance(found, str):
            # Other values of `@skip` and `@include` may leave out what cannot be cached.
            self.is_cacheable = bool(self.condition_names)
            raise NotCacheableError(found)
        if not found.by_type:
            self.is_cacheable = True
        return found.keys(variables, context)

    def _coerce(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """Return the values of the variables, or the errors."""
        definitions = self.document.operation.variable_definitions
        if not definitions:
            return VariableValues(sources={}, coerced={})
        # Most variables are cursors and ids, of which the text is the value.
        texts = text_values(self.texts, given) if self.texts else None
        return texts or get_variable_values(
            self.document.schema, definitions, given, max_errors=VARIABLE_ERRORS
        )

    def plan(self, variables: VariableValues) -> Plan:
        """Return the plan for these values of `@skip` and `@include`; cached.

        Raises `NotPlannableError`.
        """
        decisions = {
            name: variables.coerced[name]
            for name in self.condition_names
            if name in variables.coerced
        }

        key = (self, *decisions.items())

        def make() -> _CachedPlan:
            sources = {name: variables.sources[name] for name in decisions}
            plan = Plan(self.document, VariableValues(sources, decisions))
            try:
                check_selection(plan.root)
            except GraphQLError as error:
                # A condition is null. Whether that is an error depends on the objects.
                raise NotPlannableError(error.message) from error
            planned = _CachedPlan(plan, self.document_bytes)
            plan.on_growth = lambda: PLANS.remeasure(key, planned)
            return planned

        return PLANS.get_or_make(key, make).plan
