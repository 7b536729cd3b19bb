"""The schema: every query and mutation there is."""

import datetime as dt
from dataclasses import replace
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry import relay
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition
from strawberry.types import ExecutionContext

from schema.accounts.administration import AdministrationMutation
from schema.accounts.groups import GroupsMutation
from schema.accounts.mutations import AccountsMutation
from schema.accounts.queries import AccountsQuery
from schema.accounts.types import Group, User
from schema.activity.queries import ActivityQuery
from schema.activity.types import Event
from schema.authentication.mutations import AuthenticationMutation
from schema.authentication.passwords import PasswordsMutation
from schema.authentication.queries import AuthenticationQuery
from schema.authentication.sessions import SessionsMutation
from schema.authentication.suspension import SuspensionMutation
from schema.authentication.types import Session
from schema.context import Info
from schema.documents import Documents
from schema.nodes import NodeId, parse_node_id
from schema.organizations.queries import OrganizationsQuery
from schema.organizations.types import Organization
from schema.selections import Optimizer

SCALARS_ORG = "https://scalars.graphql.org/andimarek"
SCALARS: dict[object, Any] = {
    dt.date: replace(DateDefinition, specified_by_url=f"{SCALARS_ORG}/local-date"),
    dt.datetime: replace(DateTimeDefinition, specified_by_url=f"{SCALARS_ORG}/date-time"),
}

NODE_TYPES: dict[str, Any] = {
    "Event": Event,
    "Group": Group,
    "Organization": Organization,
    "Session": Session,
    "User": User,
}


@strawberry.type(description="Everything that can be read.")
class Query(AccountsQuery, AuthenticationQuery, OrganizationsQuery, ActivityQuery):
    """The root of queries."""

    @strawberry.field(description="Any object by its id; null if there is none to be seen.")
    def node(self, info: Info, id: NodeId) -> relay.Node | None:
        """Look up by type and key."""
        name, key = parse_node_id(id) or ("", None)
        type_ = NODE_TYPES.get(name)
        if type_ is None:
            return None
        node: relay.Node | None = type_.resolve_node(str(key), info=info, required=False)
        return node


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    AccountsMutation,
    AdministrationMutation,
    GroupsMutation,
    AuthenticationMutation,
    PasswordsMutation,
    SessionsMutation,
    SuspensionMutation,
):
    """The root of mutations."""


class RosterSchema(strawberry.Schema):
    """A schema whose errors are logged where they are formatted."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Do nothing: most errors are the client's, and `format_error` logs the others."""


schema = RosterSchema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[Documents, Optimizer],
)
