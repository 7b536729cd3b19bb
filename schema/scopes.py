"""What an API token has to be good for: one decision for every field of the schema's roots.

Administrators who act in somebody's name are held to the same. What is missing here is closed.
Deeper down, `visible_to` and field rules ask for the same scopes, and the services' policies do
once more.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from core.actor import Actor
from core.errors import ImpersonationError, InsufficientScopeError
from schema.documents import MAX_DOCUMENTS, parsed
from users.scopes import Scope

# What any token is good for: what is found behind these is decided by what it is.
OPEN: Final = frozenset({"me", "node"})
# What takes somebody in person: credentials, sessions and tokens, what needs no right at all and
# so no token, and what takes a password or a link from a mailbox.
CLOSED: Final = frozenset(
    {
        *("signUp", "resendVerification", "verifyEmail", "acceptInvitation"),
        *("logIn", "refreshTokens", "logOut"),
        *("requestPasswordReset", "resetPassword", "changePassword", "requirePasswordReset"),
        *("requestEmailChange", "confirmEmailChange", "changeUsername"),
        *("verifySecondFactor", "logInWithPasskey", "reauthenticate", "resetSecondFactors"),
        *("beginTotpEnrollment", "confirmTotpEnrollment", "removeTotp"),
        *("beginPasskeyRegistration", "registerPasskey", "renamePasskey", "removePasskey"),
        *("beginPasskeyAuthentication", "regenerateRecoveryCodes"),
        *("addEmailAddress", "confirmEmailAddress"),
        *("setPrimaryEmailAddress", "removeEmailAddress", "removeUserEmailAddress"),
        *("revokeSession", "revokeOtherSessions", "logOutEverywhere", "endSessions", "unlockUser"),
        *("createApiToken", "rotateApiToken", "renameApiToken", "revokeApiToken"),
        *("createServiceAccount", "createServiceAccountToken", "deactivateServiceAccount"),
        *("requestDataExport", "deleteMe", "cancelDeletion", "deleteUser", "cancelUserDeletion"),
        *("acceptOrganizationInvitation", "declineOrganizationInvitation"),
        *("signUpByOrganizationInvitation", "deleteOrganization", "impersonateUser"),
    }
)
# Of these, what whoever acts in somebody's name needs to go on and to end it.
OF_IMPERSONATIONS: Final = frozenset({"refreshTokens", "logOut"})
SCOPES: Final[Mapping[str, Scope]] = {
    "user": Scope.USERS_READ,
    "users": Scope.USERS_READ,
    "serviceAccounts": Scope.USERS_READ,
    "groups": Scope.GROUPS_READ,
    "permissions": Scope.GROUPS_READ,
    "sessions": Scope.SESSIONS_READ,
    "events": Scope.EVENTS_READ,
    "analytics": Scope.ANALYTICS_READ,
    "organization": Scope.ORGANIZATIONS_READ,
    "organizations": Scope.ORGANIZATIONS_READ,
    **dict.fromkeys(("updateProfile", "setAvatar", "removeAvatar"), Scope.PROFILE_WRITE),
    **dict.fromkeys(
        (
            *("createUser", "inviteUser", "updateUser", "verifyUserEmail"),
            # The policy asks for `GROUPS_WRITE` as well.
            *("addToGroups", "removeFromGroups"),
            *("grantUserPermissions", "revokeUserPermissions"),
            *("suspendUser", "reactivateUser", "updateMetadata", "removeUserAvatar"),
            *("bulkAction", "bulkActions", "startBulkAction", "cancelBulkAction"),
        ),
        Scope.USERS_WRITE,
    ),
    **dict.fromkeys(
        (
            *("createGroup", "updateGroup", "deleteGroup"),
            *("grantGroupPermissions", "revokeGroupPermissions"),
            *("createPermission", "describePermission", "deletePermission"),
        ),
        Scope.GROUPS_WRITE,
    ),
    **dict.fromkeys(
        (
            *("createOrganization", "updateOrganization"),
            *("inviteToOrganization", "cancelOrganizationInvitation"),
            *("changeMembershipRole", "removeMember", "leaveOrganization"),
        ),
        Scope.ORGANIZATIONS_WRITE,
    ),
}


def check_scopes(source: str, name: str | None, actor: Actor) -> None:
    """Raise `InsufficientScopeError` if what speaks for the person is not good for the operation.

    That is an API token, or an administrator, who is told by `ImpersonationError`.

    `@skip` and `@include` are not looked at: nothing of an operation is executed unless the token
    is good for everything in it. Raises `GraphQLError` for bad syntax.
    """
    if actor.is_in_person:
        return
    for field in _root_fields(source, name):
        if field.startswith("__") or field in OPEN:
            continue
        if actor.impersonator_id and field in OF_IMPERSONATIONS:
            continue
        scope = SCOPES.get(field)
        if scope is None or not actor.allows(scope):
            refusal = ImpersonationError if actor.impersonator_id else InsufficientScopeError
            raise refusal(scope)


@lru_cache(MAX_DOCUMENTS)
def _root_fields(source: str, name: str | None) -> list[str]:
    """Return the names of the root fields; of all operations, if it is not said which.

    Subscriptions, which there are none of, count as well.
    """
    document = parsed(source)
    fragments = {
        definition.name.value: definition.selection_set
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    pending = _operations(document, name)
    found: dict[str, None] = {}
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FieldNode):
                found[node.name.value] = None
            elif isinstance(node, FragmentSpreadNode):
                # Each is looked at once, so that one that spreads itself comes to an end.
                fragment = fragments.pop(node.name.value, None)
                pending += [fragment] if fragment else []
            elif isinstance(node, InlineFragmentNode):
                pending.append(node.selection_set)
    return list(found)


def _operations(document: DocumentNode, name: str | None) -> list[SelectionSetNode]:
    return [
        definition.selection_set
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        and (name is None or (definition.name is not None and definition.name.value == name))
    ]
