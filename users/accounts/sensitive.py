"""What a stolen session must not do: for this the person proves again who they are.

The list is here and nowhere else. A service names its entry, and `tests/test_step_up.py` holds the
list against the service: each mutation on it asks, and no other does.
"""

from enum import StrEnum


class Sensitive(StrEnum):
    """The operations, each called like its mutation."""

    # One's own ways in. Where a mutation takes the password, that is the proof of whoever has no
    # second factor.
    CHANGE_PASSWORD = "changePassword"  # noqa: S105 - a name, not a secret
    REQUEST_EMAIL_CHANGE = "requestEmailChange"
    ADD_EMAIL_ADDRESS = "addEmailAddress"
    SET_PRIMARY_EMAIL_ADDRESS = "setPrimaryEmailAddress"
    REMOVE_EMAIL_ADDRESS = "removeEmailAddress"
    CHANGE_USERNAME = "changeUsername"
    BEGIN_TOTP_ENROLLMENT = "beginTotpEnrollment"
    REMOVE_TOTP = "removeTotp"
    BEGIN_PASSKEY_REGISTRATION = "beginPasskeyRegistration"
    REMOVE_PASSKEY = "removePasskey"
    REGENERATE_RECOVERY_CODES = "regenerateRecoveryCodes"
    # What speaks for one without any of these.
    CREATE_API_TOKEN = "createApiToken"  # noqa: S105 - a name, not a secret
    ROTATE_API_TOKEN = "rotateApiToken"  # noqa: S105 - a name, not a secret
    # What cannot be undone, or takes away all there is to know.
    DELETE_ME = "deleteMe"
    REQUEST_DATA_EXPORT = "requestDataExport"
    DELETE_ORGANIZATION = "deleteOrganization"
    # What administrators do to others' ways in, and to what they may do.
    CREATE_USER = "createUser"
    UPDATE_USER = "updateUser"
    REMOVE_USER_EMAIL_ADDRESS = "removeUserEmailAddress"
    SUSPEND_USER = "suspendUser"
    REACTIVATE_USER = "reactivateUser"
    REQUIRE_PASSWORD_RESET = "requirePasswordReset"  # noqa: S105 - a name, not a secret
    RESET_SECOND_FACTORS = "resetSecondFactors"
    IMPERSONATE_USER = "impersonateUser"
    DELETE_USER = "deleteUser"
    CANCEL_USER_DELETION = "cancelUserDeletion"
    START_BULK_ACTION = "startBulkAction"
    CREATE_SERVICE_ACCOUNT = "createServiceAccount"
    CREATE_SERVICE_ACCOUNT_TOKEN = "createServiceAccountToken"  # noqa: S105 - a name, not a secret
    DEACTIVATE_SERVICE_ACCOUNT = "deactivateServiceAccount"
    ADD_TO_GROUPS = "addToGroups"
    REMOVE_FROM_GROUPS = "removeFromGroups"
    GRANT_USER_PERMISSIONS = "grantUserPermissions"
    REVOKE_USER_PERMISSIONS = "revokeUserPermissions"
    GRANT_GROUP_PERMISSIONS = "grantGroupPermissions"
    REVOKE_GROUP_PERMISSIONS = "revokeGroupPermissions"
    CREATE_GROUP = "createGroup"
    UPDATE_GROUP = "updateGroup"
    DELETE_GROUP = "deleteGroup"
    CREATE_PERMISSION = "createPermission"
    DELETE_PERMISSION = "deletePermission"
