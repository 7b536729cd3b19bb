"""The bounds of an operation that graphql-core executes; the engine counts by itself."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import GraphQLResolveInfo, OperationType
from strawberry.extensions import SchemaExtension

from core.deadline import OperationCancelledError
from schema.budget import spend_more
from schema.engine.bounds import FieldCancelledError


class Bounding(SchemaExtension):
    """Looks at the time before each field, and counts the texts that fields return."""

    def on_execute(self) -> Iterator[None]:
        """Spend the points of the document, which is valid."""
        context = self.execution_context
        spend_more(context.context.actor, context.query or "")
        yield

    def resolve(  # type: ignore[override]  # the base returns an awaitable, too
        self,
        next_: Callable[..., Any],
        root: Any,
        info: GraphQLResolveInfo[Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Resolve within the bounds.

        A query ends as a whole with `OperationCancelledError`, a mutation's field fails.
        """
        bounds = info.context.bounds
        before = bounds.mark()
        try:
            bounds.check_time()
            value = next_(root, info, *args, **kwargs)
            if isinstance(value, str):
                bounds.add_texts([value])
        except OperationCancelledError as error:
            if info.operation.operation is not OperationType.MUTATION:
                raise
            bounds.restore(before)
            is_executed = info.path.prev is not None
            raise FieldCancelledError(error, is_executed=is_executed) from None
        return value
