"""What an API token has to be good for: one decision for every field of the schema's roots.

Administrators who act in somebody's name are held to the same. What is missing here is closed.
Deeper down, `visible_to` and field rules ask for the same scopes, and the services' policies do
once more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from core.actor import Actor
from core.errors import InsufficientScopeError
from users.accounts.errors import ImpersonationError
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


# What answers anonymous clients with something else than null or UNAUTHENTICATED.
PUBLIC: Final = frozenset(
    {
        *("signUp", "resendVerification", "verifyEmail", "acceptInvitation"),
        *("logIn", "refreshTokens", "logOut", "requestPasswordReset", "resetPassword"),
        *("verifySecondFactor", "beginPasskeyAuthentication", "logInWithPasskey"),
        *("confirmEmailChange", "confirmEmailAddress", "cancelDeletion"),
        *("declineOrganizationInvitation", "signUpByOrganizationInvitation"),
    }
)


def check_scopes(root_fields: Iterable[str], actor: Actor) -> None:
    """Raise `InsufficientScopeError` if what speaks for the person is not good for the operation.

    That is an API token, or an administrator, who is told by `ImpersonationError`.

    `@skip` and `@include` are not looked at: nothing of an operation is executed unless the token
    is good for everything in it.
    """
    for field in root_fields:
        if field.startswith("__") or field in OPEN:
            continue
        if actor.impersonator_id and field in OF_IMPERSONATIONS:
            continue
        scope = SCOPES.get(field)
        if scope is None or not actor.allows(scope):
            refusal = ImpersonationError if actor.impersonator_id else InsufficientScopeError
            raise refusal(scope)


def is_worth_planning(root_fields: Sequence[str], actor: Actor) -> bool:
    """Return whether an operation may have data for the actor, who may be anonymous.

    If not, it is neither planned nor cached, which would be work and memory for nothing.
    """
    if actor.is_authenticated or actor.enrolling_id is not None:
        return True
    if not root_fields:
        return False
    return all(field in PUBLIC or field.startswith("__") for field in root_fields)
