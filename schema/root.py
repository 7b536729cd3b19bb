"""The GraphQL schema: root types, extensions and description."""

from functools import cache
from typing import Annotated, Any, Final, cast

import strawberry
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from graphql import GraphQLError
from strawberry import relay
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types import ExecutionContext
from strawberry.utils.str_converters import to_camel_case
from strawberry_django.utils.typing import get_django_definition

from core.errors import ArgumentInvalidError
from engine.internals.strawberry import is_one_of, visible_queryset
from engine.relay.page_arguments import MAX_PAGE
from engine.relay.plural import Plural, RowKey
from engine.relay.selections import Optimizer
from schema.accounts.mutations.administration import AdministrationMutation
from schema.accounts.mutations.avatars import AvatarsMutation
from schema.accounts.mutations.email_addresses import EmailAddressesMutation
from schema.accounts.mutations.grants import GrantsMutation
from schema.accounts.mutations.groups import GroupsMutation
from schema.accounts.mutations.metadata import MetadataMutation
from schema.accounts.mutations.own_account import AccountsMutation
from schema.accounts.profiles import Profile
from schema.accounts.queries import AccountsQuery
from schema.accounts.types.email_addresses import email_addresses_by_key
from schema.accounts.types.invitations import Invitation
from schema.accounts.types.users import Group, User
from schema.activity.queries import ActivityQuery
from schema.activity.types import ActivityFields, Event
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
from schema.errors import RequestErrorCode
from schema.exports.mutations import ExportsMutation
from schema.exports.types import UserExport
from schema.extend import extend_type
from schema.imports.mutations import ImportsMutation
from schema.imports.types import ImportsFields, UserImport
from schema.jobs.mutations import JobsMutation
from schema.jobs.queries import JobsQuery
from schema.jobs.types import NoJobErrors
from schema.nodes import NodeId, parse_node_id, single_row
from schema.organizations.mutations import OrganizationsMutation
from schema.organizations.queries import OrganizationsQuery
from schema.organizations.types import (
    Membership,
    Organization,
    OrganizationInvitation,
    OrganizationsFields,
)
from schema.privacy.mutations.deletion import DeletionMutation
from schema.privacy.mutations.exports import ExportMutation
from schema.privacy.types import DataExport, PrivacyFields
from schema.query import query_field
from schema.scalars import SCALARS
from schema.scopes import NoScope
from schema.webhooks.mutations import WebhooksMutation
from schema.webhooks.queries import WebhooksQuery
from schema.webhooks.types import Webhook, WebhookDelivery, WebhooksFields
from users.accounts import models

DESCRIPTION: Final = """\
User management: accounts, authentication, permissions, organisations and the audit trail.

Authentication: send `Authorization: Bearer <token>` with the access token of `logIn` or with an API
token, or use the session cookie that `logIn` sets with `transport: COOKIE`. The description of each
root field states the scope that an API token needs, and whether recent authentication is required.

Errors: a mutation reports rejected input in `errors` of its payload. All other errors are top-level
and have `extensions.code`.

Documentation: `docs/api.md` (guide), `docs/reference.md` (error codes, scopes, limits) and
`docs/operations` (an example of every operation) in the repository of Roster."""

extend_type(
    User,
    *(ActivityFields, AuthenticationFields, ImportsFields, OrganizationsFields, PrivacyFields),
)
extend_type(Organization, WebhooksFields)

NODE_TYPES: dict[str, Any] = {
    "ApiToken": ApiToken,
    "BulkAction": BulkAction,
    "DataExport": DataExport,
    "Event": Event,
    "Group": Group,
    "Invitation": Invitation,
    "Membership": Membership,
    "Organization": Organization,
    "OrganizationInvitation": OrganizationInvitation,
    "Passkey": Passkey,
    "Profile": Profile,
    "Session": Session,
    "User": User,
    "UserExport": UserExport,
    "UserImport": UserImport,
    "Webhook": Webhook,
    "WebhookDelivery": WebhookDelivery,
}
# Its objects are not of one model.
EMAIL_ADDRESS: Final = "EmailAddress"
NO_NODE: Final[tuple[str, Any]] = ("", None)
MAX_NODES: Final = MAX_PAGE


def _model_of(type_: Any) -> type[Model]:
    return get_django_definition(type_, strict=True).model


def node_rows(model: type[Model], info: Info) -> QuerySet[Any]:
    """Return the rows of a model that may be nodes; the type's `get_queryset` restricts them.

    That of `Profile` does not: below a user, a profile is as visible as the user.
    """
    if model is models.Profile:
        return models.Profile.objects.visible_to(info.context.actor)
    return model._default_manager.all()


@strawberry.type
class Query(
    AccountsQuery,
    DirectoryQuery,
    AuthenticationQuery,
    OrganizationsQuery,
    ActivityQuery,
    JobsQuery,
    BulkQuery,
    WebhooksQuery,
):
    """Root of all queries."""

    @query_field(scope=NoScope.ANY_TOKEN, depends_on=NODE)
    def node(self, info: Info, id: NodeId) -> relay.Node | None:
        """Look up an object by `id`; null if none is visible to you."""
        name, key = parse_node_id(id) or NO_NODE
        if name == EMAIL_ADDRESS:
            return email_addresses_by_key(info.context.actor, [key]).get(key)
        type_ = NODE_TYPES.get(name)
        if type_ is None:
            return None
        rows = node_rows(_model_of(type_), info)
        return single_row(visible_queryset(rows, type_, info), key)

    @query_field(scope=NoScope.ANY_TOKEN, extensions=[Plural(node_rows)])
    def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(description=f"Global `id`s of the objects; at most {MAX_NODES}."),
        ],
    ) -> list[relay.Node | None]:
        """Look up objects by their `id`s.

        In the order of the `id`s, with null for each that is not visible to you.
        """
        if len(ids) > MAX_NODES:
            raise ArgumentInvalidError(_("Give at most %(max)d at a time.") % {"max": MAX_NODES})
        parsed = [parse_node_id(each) or NO_NODE for each in ids]
        keys = [key for name, key in parsed if name == EMAIL_ADDRESS]
        addresses = email_addresses_by_key(info.context.actor, keys)
        found: list[Any] = []
        for name, key in parsed:
            type_ = NODE_TYPES.get(name)
            row = None if type_ is None else RowKey(_model_of(type_), key)
            found.append(addresses.get(key) if name == EMAIL_ADDRESS else row)
        return found


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
    JobsMutation,
    BulkMutation,
    ExportsMutation,
    ImportsMutation,
    WebhooksMutation,
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
    # No field is of these types: the first documents the codes of top-level errors.
    types=[RequestErrorCode, NoJobErrors],
    config=StrawberryConfig(scalar_map=SCALARS, name_converter=Names()),
    extensions=[Documents, Optimizer, BoundsExtension],
)
