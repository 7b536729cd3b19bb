"""Bounds of operations that graphql-core executes; the engine has its own count."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo, OperationType
from strawberry.extensions import SchemaExtension

from engine.deadline import DeadlineExceededError
from engine.result.bounds import FieldCancelledError


class BoundsExtension(SchemaExtension):
    """Checks the deadline before each field, and counts the bytes of texts."""

    def resolve(  # type: ignore[override]  # the base returns an awaitable, too
        self,
        next_: Callable[..., Any],
        root: Any,
        info: GraphQLResolveInfo[Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Resolve within the bounds, or raise `OperationCancelledError`.

        A mutation that is late fails field by field, because what it did is answered however late
        that is; what is read for it has to be in time.
        """
        bounds = info.context.bounds
        is_mutation = info.operation.operation is OperationType.MUTATION
        is_executed = is_mutation and info.path.prev is not None
        try:
            if not is_executed:
                bounds.check_time()
            value = next_(root, info, *args, **kwargs)
        except DeadlineExceededError as error:
            if not is_mutation:
                raise
            raise FieldCancelledError(error, is_executed=is_executed) from None
        if isinstance(value, str):
            bounds.add_texts([value])
        return value
