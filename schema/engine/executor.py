"""The engine: operations planned once, executed often."""

from dataclasses import dataclass, field
from typing import Any, Final

from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType
from graphql.execution.values import VariableValues, get_variable_values
from strawberry import Schema

from schema.engine.declarations import look_through
from schema.engine.execution import Execution, Requester
from schema.engine.plan import Document, Plan, UnplannableError
from schema.engine.values import Failed, Marred, errors_of

# As many ways to decide about `@skip` and `@include` are kept of an operation.
MAX_PLANS: Final = 32


@dataclass(slots=True)
class Operation:
    """An operation of a valid document, and its plans."""

    schema: Schema
    document: Document
    deciding: list[str]
    plans: dict[tuple[Any, ...], Plan] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: Schema, document: DocumentNode, name: str | None) -> "Operation":
        """Prepare. Raises `UnplannableError` if the engine cannot execute it."""
        found = Document.of(schema._schema, document, name)  # noqa: SLF001 - no public name
        return cls(schema, found, found.deciding_variables())

    @property
    def is_mutation(self) -> bool:
        """Whether it may change something."""
        return self.document.operation.operation is OperationType.MUTATION

    def execute(
        self, given: dict[str, Any] | None, context: Requester, root_value: Any = None
    ) -> ExecutionResult:
        """Execute with these variables, and answer as graphql-core would.

        Raises `UnplannableError` before anything is done.
        """
        definitions = self.document.operation.variable_definitions
        variables = VariableValues(sources={}, coerced={})
        if definitions:
            coerced = get_variable_values(self.document.schema, definitions, given or {})
            if isinstance(coerced, list):
                return ExecutionResult(None, coerced)
            variables = coerced
        try:
            plan = self._plan(variables)
        except GraphQLError as error:
            return ExecutionResult(None, [error])
        execution = Execution(plan, self.schema, context, variables, root_value)
        if self.is_mutation:
            column = execution.serially(plan.root, root_value)
        else:
            column = execution.objects(plan.root, [root_value])
        (cell,) = column.cells
        if not isinstance(cell, Failed | Marred):
            return ExecutionResult(cell, None)
        data = cell.value if isinstance(cell, Marred) else None
        return ExecutionResult(data, list(errors_of(cell)))

    def _plan(self, variables: VariableValues) -> Plan:
        """Return the plan for what the variables decide; it keeps no other values."""
        decisions = {
            name: variables.coerced[name] for name in self.deciding if name in variables.coerced
        }
        key = tuple(decisions.items())
        plan = self.plans.get(key)
        if plan is None:
            sources = {name: variables.sources[name] for name in decisions}
            plan = Plan(self.document, VariableValues(sources, decisions))
            try:
                look_through(plan.root)
            except GraphQLError as error:
                # A condition is null; where that is an error depends on the objects there are.
                raise UnplannableError(error.message) from error
            if len(self.plans) >= MAX_PLANS:
                self.plans.clear()
            self.plans[key] = plan
        return plan


__all__ = ["Operation", "UnplannableError"]
