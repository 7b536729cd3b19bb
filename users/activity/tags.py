"""Event tags."""

from core.enums import DescribedEnum


class Tag(DescribedEnum):
    """A kind of event."""

    # Values have the form `source:subject:action`. Keep a retired tag here as a comment.

    SIGN_UP_REQUESTED = "account:sign_up:request", "A sign-up was requested."
    SIGN_UP_VERIFICATION_REQUESTED = (
        "account:sign_up:request_verification",
        "The link of a sign-up was requested again.",
    )
    USER_INVITED = "account:invitation:create", "An administrator sent an invitation to sign up."
    INVITATION_ACCEPTED = "account:invitation:accept", "An invitation was accepted."
    INVITATION_CANCELED = "account:invitation:cancel", "An invitation to sign up was canceled."
    EMAIL_VERIFIED = "account:email:verify", "A user's primary address was verified."
    EMAIL_CHANGE_REQUESTED = (
        "account:email:request_change",
        "A user requested a change of the primary address.",
    )
    EMAIL_CHANGED = "account:email:change", "A user's primary address changed."
    EMAIL_CHANGE_UNDONE = (
        "account:email:undo_change",
        "A former primary address undid its change; the password was invalidated.",
    )
    EMAIL_ADDRESS_REQUESTED = (
        "account:email_address:request",
        "A user requested to add a secondary address.",
    )
    EMAIL_ADDRESS_ADDED = "account:email_address:add", "A user confirmed a secondary address."
    EMAIL_ADDRESS_REMOVED = "account:email_address:remove", "A secondary address was removed."
    EMAIL_UNDELIVERABLE = (
        "account:email:refuse",
        "Mail to an address was permanently refused.",
    )
    EMAIL_DELIVERABLE = (
        "account:email:accept",
        "Mail to an address that was marked as undeliverable was accepted.",
    )
    OUTBOX_MESSAGE_RETRIED = (
        "outbox:message:retry",
        "An administrator retried a failed message.",
    )
    OUTBOX_MESSAGE_DROPPED = (
        "outbox:message:drop",
        "An administrator deleted a failed message.",
    )
    USERNAME_CHANGED = "account:username:change", "A user's username changed."
    USER_CREATED = "account:user:create", "A user was created."
    USER_CHANGED = "account:user:change", "A user's role changed."
    PROFILE_CHANGED = "account:profile:change", "A user's profile changed."
    AVATAR_CHANGED = "account:avatar:change", "A user's avatar was set or replaced."
    AVATAR_REMOVED = "account:avatar:remove", "A user's avatar was removed."
    METADATA_CHANGED = (
        "account:metadata:change",
        "The metadata that applications store about a user changed.",
    )
    USER_GROUPS_CHANGED = "account:user:change_groups", "A user's groups changed."
    GROUP_CHANGED = "account:group:change", "A group was created or changed."
    GROUP_DELETED = "account:group:delete", "A group was deleted."
    PERMISSION_CHANGED = (
        "account:permission:change",
        "A permission was created, or its description changed.",
    )
    PERMISSION_DELETED = "account:permission:delete", "A permission was deleted."
    USER_PERMISSIONS_CHANGED = (
        "account:user:change_permissions",
        "A user's own permissions changed.",
    )
    USER_SUSPENDED = (
        "account:user:suspend",
        "A user was suspended, or the suspension's reason or end changed.",
    )
    USER_REACTIVATED = "account:user:reactivate", "A user was reactivated."
    USER_UNLOCKED = "account:user:unlock", "A user was unlocked: failed log-ins were cleared."
    DELETION_SCHEDULED = (
        "account:user:schedule_deletion",
        "An account was deactivated and scheduled for deletion.",
    )
    DELETION_CANCELED = "account:user:cancel_deletion", "A scheduled deletion was canceled."
    USER_ERASED = "account:user:erase", "A user was erased; only an anonymous row remains."
    DATA_EXPORT_REQUESTED = "privacy:export:request", "A user requested an export of their data."
    DATA_EXPORT_COMPLETED = "privacy:export:complete", "A data export was completed."
    DATA_EXPORT_FETCHED = (
        "privacy:export:fetch",
        "A data export was downloaded by the mailed link.",
    )
    BULK_ACTION_STARTED = (
        "bulk:action:start",
        "An administrator started a bulk action.",
    )
    BULK_ACTION_CANCELED = "bulk:action:cancel", "An administrator canceled a bulk action."
    BULK_ACTION_FINISHED = (
        "bulk:action:finish",
        "A bulk action completed, failed, or stopped because its requester lost the permission.",
    )
    USER_IMPORT_STARTED = "import:job:start", "An administrator started an import of users."
    USER_IMPORT_CANCELED = "import:job:cancel", "An administrator canceled an import of users."
    USER_IMPORT_FINISHED = (
        "import:job:finish",
        "An import completed, failed, or stopped because its requester lost the permission.",
    )
    USER_IMPORTED = "import:user:create", "An import created a user."
    IMPORTED_USER_CHANGED = "import:user:change", "An import changed a user."
    MEMBER_IMPORTED = "import:membership:create", "An import added a user to an organisation."
    USER_EXPORT_STARTED = "export:users:start", "An administrator asked for an export of users."
    USER_EXPORT_CANCELED = "export:users:cancel", "An administrator canceled an export of users."
    USER_EXPORT_FINISHED = (
        "export:users:finish",
        "An export of users completed, failed, or stopped because its requester lost the right.",
    )
    USER_EXPORT_DOWNLOADED = (
        "export:users:download",
        "An administrator downloaded an export of users.",
    )
    USERS_EXPORTED = (
        "export:users:command",
        "`manage.py export_users` began to write users to a file.",
    )
    SERVICE_ACCOUNT_CREATED = (
        "account:service_account:create",
        "An administrator created a service account.",
    )
    SERVICE_ACCOUNT_DEACTIVATED = (
        "account:service_account:deactivate",
        "A service account was deactivated, and its tokens were revoked.",
    )
    ORGANIZATION_CREATED = "organization:organization:create", "An organisation was created."
    ORGANIZATION_RENAMED = "organization:organization:rename", "An organisation was renamed."
    ORGANIZATION_DELETED = (
        "organization:organization:delete",
        "An organisation was deleted, with all memberships.",
    )
    ORGANIZATION_INVITATION_SENT = (
        "organization:invitation:create",
        "An invitation to an organisation was sent.",
    )
    ORGANIZATION_INVITATION_CANCELED = (
        "organization:invitation:cancel",
        "An invitation to an organisation was canceled.",
    )
    ORGANIZATION_INVITATION_DECLINED = (
        "organization:invitation:decline",
        "An invitation to an organisation was declined.",
    )
    ORGANIZATION_INVITATION_ACCEPTED = (
        "organization:invitation:accept",
        "A user joined an organisation.",
    )
    MEMBER_ROLE_CHANGED = (
        "organization:membership:change_role",
        "A member's role in an organisation changed.",
    )
    MEMBER_REMOVED = (
        "organization:membership:remove",
        "A member was removed from an organisation.",
    )
    MEMBER_LEFT = "organization:membership:leave", "A member left an organisation."
    PASSWORD_REFUSED = (
        "password:user:refuse",
        "A signed-in user entered a wrong current password.",
    )
    PASSWORD_CHANGED = (
        "password:user:change",
        "A user changed the password.",
    )
    PASSWORD_RESET_REQUESTED = (
        "password:reset:request",
        "A password reset was requested.",
    )
    PASSWORD_RESET_FORCED = (
        "password:reset:force",
        "An administrator required a password reset.",
    )
    PASSWORD_RESET = (
        "password:reset:complete",
        "A user reset the password by a mailed link.",
    )
    API_TOKEN_CREATED = "token:api_token:create", "An API token was created."
    API_TOKEN_ROTATED = (
        "token:api_token:rotate",
        "An API token was rotated; both tokens are valid during the overlap.",
    )
    API_TOKEN_RENAMED = "token:api_token:rename", "An API token was renamed."
    API_TOKEN_REVOKED = "token:api_token:revoke", "An API token was revoked."
    FACTOR_ADDED = "factor:user:enroll", "A user set up a second factor."
    FACTOR_REMOVED = "factor:user:remove", "A user removed a second factor."
    FACTOR_RENAMED = "factor:user:rename", "A user renamed a passkey."
    FACTOR_USED = "factor:user:use", "A user authenticated with a second factor."
    FACTOR_REFUSED = "factor:user:refuse", "A second factor was invalid."
    RECOVERY_CODE_USED = "factor:recovery_code:use", "A user used a recovery code."
    RECOVERY_CODES_REGENERATED = (
        "factor:recovery_code:regenerate",
        "A user replaced the recovery codes.",
    )
    FACTORS_RESET = (
        "factor:user:reset",
        "An administrator removed all second factors of a user.",
    )
    REAUTHENTICATED = "session:user:reauthenticate", "A user reauthenticated."
    LOGGED_IN = "session:user:log_in", "A session began."
    LOG_IN_REFUSED = "session:user:refuse_log_in", "A log-in failed."
    LOG_IN_THROTTLED = (
        "session:user:throttle_log_in",
        "A login was locked after too many failed attempts.",
    )
    IMPERSONATION_BEGUN = (
        "session:user:impersonate",
        "An administrator began to impersonate a user.",
    )
    IMPERSONATION_ENDED = (
        "session:user:end_impersonation",
        "An impersonation ended.",
    )
    LOGGED_OUT = "session:user:log_out", "A user signed out."
    SESSIONS_REVOKED = "session:user:revoke", "Sessions were revoked."
    REFRESH_TOKEN_REUSED = (
        "session:refresh_token:reuse",
        "A used refresh token was presented again, so its session was ended.",
    )
    WEBHOOK_CREATED = "webhook:endpoint:create", "A webhook was created."
    WEBHOOK_CHANGED = (
        "webhook:endpoint:change",
        "A webhook was changed, enabled, or disabled by a user.",
    )
    WEBHOOK_DELETED = "webhook:endpoint:delete", "A webhook was deleted."
    WEBHOOK_SECRET_ROTATED = (
        "webhook:endpoint:rotate_secret",
        "A webhook's secret was rotated; both secrets sign during the overlap.",
    )
    WEBHOOK_DISABLED = "webhook:endpoint:disable", "A webhook was disabled automatically."
    WEBHOOK_TESTED = "webhook:endpoint:test", "A test was sent to a webhook."
    WEBHOOK_REDELIVERED = "webhook:delivery:retry", "An event was sent to a webhook again."
    EVENTS_EXPIRED = "audit:events:expire", "Events older than the retention were deleted."
