"""The GraphQL schema: root types, extensions and description."""

from functools import cache
from typing import Any, Final, cast

import strawberry
from graphql import GraphQLError
from strawberry import relay
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types import ExecutionContext
from strawberry.utils.str_converters import to_camel_case

from engine.internals.strawberry import is_one_of
from engine.relay.selections import Optimizer
from schema.accounts.mutations.administration import AdministrationMutation
from schema.accounts.mutations.avatars import AvatarsMutation
from schema.accounts.mutations.email_addresses import EmailAddressesMutation
from schema.accounts.mutations.grants import GrantsMutation
from schema.accounts.mutations.groups import GroupsMutation
from schema.accounts.mutations.metadata import MetadataMutation
from schema.accounts.mutations.own_account import AccountsMutation
from schema.accounts.queries import AccountsQuery
from schema.accounts.types.users import Group, User
from schema.activity.queries import ActivityQuery
from schema.activity.types import Event
from schema.authentication.mutations.api_tokens import ApiTokensMutation
from schema.authentication.mutations.factors import FactorsMutation
from schema.authentication.mutations.impersonation import ImpersonationMutation
from schema.authentication.mutations.log_in import AuthenticationMutation
from schema.authentication.mutations.passkeys import PasskeysMutation
from schema.authentication.mutations.passwords import PasswordsMutation
from schema.authentication.mutations.service_accounts import ServiceAccountsMutation
from schema.authentication.mutations.sessions import SessionsMutation
from schema.authentication.mutations.suspension import SuspensionMutation
from schema.authentication.queries import AuthenticationQuery
from schema.authentication.types.api_tokens import ApiToken
from schema.authentication.types.factors import Passkey
from schema.authentication.types.sessions import Session
from schema.authentication.types.user_fields import AuthenticationFields
from schema.bulk.mutations import BulkMutation
from schema.bulk.queries import BulkQuery
from schema.bulk.types import BulkAction
from schema.context import Info
from schema.descriptions import describe
from schema.directory.queries import DirectoryQuery
from schema.documents.bounding import BoundsExtension
from schema.documents.document import Documents
from schema.entities import NODE
from schema.extend import extend_type
from schema.nodes import NodeId, parse_node_id, single_row
from schema.organizations.mutations import OrganizationsMutation
from schema.organizations.queries import OrganizationsQuery
from schema.organizations.types import Organization, OrganizationInvitation, OrganizationsFields
from schema.privacy.mutations.deletion import DeletionMutation
from schema.privacy.mutations.exports import ExportMutation
from schema.privacy.types import PrivacyFields
from schema.query import query_field
from schema.scalars import SCALARS
from schema.scopes import NoScope

DESCRIPTION: Final = """\
User management: accounts, authentication, permissions, organisations and the audit trail.

Authentication: send `Authorization: Bearer <token>` with the access token of `logIn` or with an API
token, or use the session cookie that `logIn` sets with `transport: COOKIE`. The description of each
root field states the scope that an API token needs, and whether recent authentication is required.

Errors: a mutation reports rejected input in `errors` of its payload. All other errors are top-level
and have `extensions.code`.

Documentation: `docs/api.md` (guide), `docs/reference.md` (error codes, scopes, limits) and
`docs/operations` (an example of every operation) in the repository of Roster."""

extend_type(User, AuthenticationFields, OrganizationsFields, PrivacyFields)

NODE_TYPES: dict[str, Any] = {
    "ApiToken": ApiToken,
    "BulkAction": BulkAction,
    "Event": Event,
    "Group": Group,
    "Organization": Organization,
    "OrganizationInvitation": OrganizationInvitation,
    "Passkey": Passkey,
    "Session": Session,
    "User": User,
}


@strawberry.type
class Query(
    AccountsQuery,
    DirectoryQuery,
    AuthenticationQuery,
    OrganizationsQuery,
    ActivityQuery,
    BulkQuery,
):
    """Root of all queries."""

    @query_field(scope=NoScope.ANY_TOKEN, depends_on=NODE)
    def node(self, info: Info, id: NodeId) -> relay.Node | None:
        """Look up an object by `id`; null if none is visible to you."""
        name, key = parse_node_id(id) or ("", None)
        type_ = NODE_TYPES.get(name)
        if type_ is None:
            return None
        everything = type_.__strawberry_django_definition__.model.objects.all()
        return single_row(type_.get_queryset(everything, info), key)


@strawberry.type
class Mutation(
    AccountsMutation,
    EmailAddressesMutation,
    AvatarsMutation,
    MetadataMutation,
    AdministrationMutation,
    GroupsMutation,
    GrantsMutation,
    AuthenticationMutation,
    PasswordsMutation,
    FactorsMutation,
    PasskeysMutation,
    SessionsMutation,
    ApiTokensMutation,
    ServiceAccountsMutation,
    SuspensionMutation,
    ImpersonationMutation,
    OrganizationsMutation,
    DeletionMutation,
    ExportMutation,
    BulkMutation,
):
    """Root of all mutations."""


class Names(NameConverter):
    """Strawberry's names, which it would compute for each input object again."""

    camel_case = staticmethod(cache(to_camel_case))

    def apply_naming_config(self, name: str) -> str:
        """Return a name of Python in camel case."""
        return self.camel_case(name)


class RosterSchema(strawberry.Schema):
    """A schema that is described by docstrings and logs errors in `format_error`."""

    def __init__(self, **options: Any) -> None:
        """Build the schema and describe it."""
        super().__init__(**options)
        self._schema.description = DESCRIPTION
        cast("Any", self._schema.type_map["__Type"]).fields["isOneOf"].resolve = is_one_of
        describe(self._schema)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing: most errors are the client's, and `format_error` logs internal ones."""


schema = RosterSchema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map=SCALARS, name_converter=Names()),
    extensions=[Documents, Optimizer, BoundsExtension],
)
