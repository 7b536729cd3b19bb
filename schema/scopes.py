"""Scopes and requirements that root fields declare.

They are enforced for API tokens and impersonations before execution. Below the root fields,
`visible_to`, field rules and the services' policies check the same scopes.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from graphql import GraphQLField, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from core.errors import InsufficientScopeError
from core.security.actor import Actor
from users.accounts.errors import ImpersonationError
from users.scopes import Scope

ACCESS: Final = "access"


class NoScope(Enum):
    """Requirements of root fields without a scope."""

    ANY_TOKEN = "Available to all API tokens."  # noqa: S105 - a description
    # As PUBLIC, and for all tokens.
    OPEN = "Requires no authentication."
    INTERACTIVE = "Not available to API tokens or impersonations."
    # Anonymous clients get more than null or UNAUTHENTICATED.
    PUBLIC = "Requires no authentication; not available to API tokens or impersonations."
    # Unlike PUBLIC, also allowed for impersonations: it refreshes and ends their sessions.
    SESSION = "Requires no authentication; not available to API tokens."
    # As SESSION, but useless without the session: success would hide that its token was refused.
    OWN_SESSION = "Concerns the request's session; not available to API tokens."


RequiredScope: TypeAlias = Scope | NoScope


class Access(NamedTuple):
    """The requirements that a root field declares."""

    scope: RequiredScope
    reauthenticate: bool = False

    def __str__(self) -> str:
        """Return the sentences to append to the field's description."""
        if isinstance(self.scope, NoScope):
            scope = "" if self.scope is NoScope.ANY_TOKEN else self.scope.value
        else:
            scope = f"Requires the scope `{self.scope.value}`."
        recent = "Requires recent authentication." if self.reauthenticate else ""
        return " ".join(filter(None, (scope, recent)))


def access_to(field: GraphQLField) -> Access | None:
    """Return the declared requirements; None unless it is a root field."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    access: Access | None = getattr(definition, "metadata", {}).get(ACCESS)
    return access


class RootFields:
    """The declared requirements of a schema's root fields. Undeclared fields are denied."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Collect the declarations. Raises `TypeError` for a root field without one."""
        self.access: Mapping[str, Access] = dict(_declared(schema))

    def check_scopes(self, names: Iterable[str], actor: Actor) -> None:
        """Raise `InsufficientScopeError` unless the actor's credentials allow every field.

        For an impersonation, the error is `ImpersonationError`. `@skip` and `@include` are ignored:
        an operation is executed only if all its root fields are allowed.
        """
        for name in names:
            if name.startswith("__"):
                continue
            access = self.access.get(name)
            required = access.scope if access else NoScope.INTERACTIVE
            if required in {NoScope.ANY_TOKEN, NoScope.OPEN}:
                continue
            if actor.impersonator_id and required in {
                NoScope.SESSION,
                NoScope.OWN_SESSION,
            }:
                continue
            scope = required if isinstance(required, Scope) else None
            if scope is None or not actor.allows(scope):
                error = ImpersonationError if actor.impersonator_id else InsufficientScopeError
                raise error(scope)

    def may_return_data(self, names: Sequence[str], actor: Actor) -> bool:
        """Return whether an operation may return data to the actor.

        If not, it is neither planned nor cached, so that anonymous clients cannot fill the cache.
        """
        if actor.is_authenticated or actor.enrolling_id is not None:
            return True
        return bool(names) and all(name.startswith("__") or self.is_public(name) for name in names)

    def is_public(self, name: str) -> bool:
        """Return whether anonymous clients get more than null or UNAUTHENTICATED."""
        return self.needs_no_token(name) or self._scope(name) is NoScope.OWN_SESSION

    def needs_no_token(self, name: str) -> bool:
        """Return whether a field is executed as anonymous if the request's token is invalid."""
        return self._scope(name) in {NoScope.OPEN, NoScope.PUBLIC, NoScope.SESSION}

    def _scope(self, name: str) -> RequiredScope | None:
        access = self.access.get(name)
        return access.scope if access else None


def _declared(schema: GraphQLSchema) -> Iterable[tuple[str, Access]]:
    for type_ in filter(None, (schema.query_type, schema.mutation_type)):
        for name, field in type_.fields.items():
            access = access_to(field)
            if access is None:
                raise TypeError(f"{type_.name}.{name} declares no scope: use `query_field`.")
            yield name, access
