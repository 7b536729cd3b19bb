"""The name of every kind of event."""

from core.enums import DescribedEnum


class Tag(DescribedEnum):
    """A kind of event."""

    # Values read `source:subject:action`; a retired one stays here as a comment.

    SIGN_UP_REQUESTED = "account:sign_up:request", "Somebody asked for an account."
    SIGN_UP_VERIFICATION_REQUESTED = (
        "account:sign_up:request_verification",
        "Somebody asked for the link of a sign-up again.",
    )
    USER_INVITED = "account:invitation:create", "An administrator offered an account."
    INVITATION_ACCEPTED = "account:invitation:accept", "Somebody took the offer."
    EMAIL_VERIFIED = "account:email:verify", "An address was shown to be the person's."
    EMAIL_CHANGE_REQUESTED = "account:email:request_change", "A person asked for a new address."
    EMAIL_CHANGED = "account:email:change", "A person's address changed."
    EMAIL_ADDRESS_REQUESTED = (
        "account:email_address:request",
        "A person asked for a further address.",
    )
    EMAIL_ADDRESS_ADDED = "account:email_address:add", "A person confirmed a further address."
    EMAIL_ADDRESS_REMOVED = "account:email_address:remove", "A person gave up a further address."
    EMAIL_UNDELIVERABLE = (
        "account:email:refuse",
        "Mail to an address was refused for good.",
    )
    EMAIL_DELIVERABLE = (
        "account:email:accept",
        "Mail to an address that was marked as undeliverable was accepted.",
    )
    OUTBOX_MESSAGE_RETRIED = (
        "outbox:message:retry",
        "An administrator had a failed message delivered again.",
    )
    USERNAME_CHANGED = "account:username:change", "A person's username changed."
    USER_CREATED = "account:user:create", "An account came to be."
    USER_CHANGED = "account:user:change", "A person's role changed."
    PROFILE_CHANGED = "account:profile:change", "What a person tells about themselves changed."
    AVATAR_CHANGED = "account:avatar:change", "A person is shown by another picture."
    AVATAR_REMOVED = "account:avatar:remove", "A person is shown without a picture."
    METADATA_CHANGED = (
        "account:metadata:change",
        "What applications note about a person changed.",
    )
    USER_GROUPS_CHANGED = "account:user:change_groups", "A person joined or left groups."
    GROUP_CHANGED = "account:group:change", "A group was made or changed."
    GROUP_DELETED = "account:group:delete", "A group was deleted."
    PERMISSION_CHANGED = "account:permission:change", "A permission was made or described anew."
    PERMISSION_DELETED = "account:permission:delete", "A permission was deleted."
    USER_PERMISSIONS_CHANGED = (
        "account:user:change_permissions",
        "A person was given or lost permissions of their own.",
    )
    USER_SUSPENDED = (
        "account:user:suspend",
        "A person was shut out, or the reason or the end of that changed.",
    )
    USER_REACTIVATED = "account:user:reactivate", "A person may sign in again."
    USER_UNLOCKED = "account:user:unlock", "Failed log-ins of a person were forgotten."
    DELETION_SCHEDULED = (
        "account:user:schedule_deletion",
        "An account was shut, to be erased later.",
    )
    DELETION_CANCELED = "account:user:cancel_deletion", "An account is not to be erased after all."
    USER_ERASED = "account:user:erase", "Nothing but an anonymous row is left of a person."
    DATA_EXPORT_REQUESTED = "privacy:export:request", "A person asked for all data kept about them."
    DATA_EXPORT_COMPLETED = "privacy:export:complete", "A person's data was put together."
    DATA_EXPORT_FETCHED = "privacy:export:fetch", "A person's data was fetched by the mailed link."
    BULK_ACTION_STARTED = (
        "bulk:action:start",
        "An administrator began to do something to all people of a selection.",
    )
    BULK_ACTION_CANCELED = "bulk:action:cancel", "An administrator ended a bulk action early."
    BULK_ACTION_FINISHED = (
        "bulk:action:finish",
        "A bulk action came to its end, or its requester's rights did.",
    )
    SERVICE_ACCOUNT_CREATED = (
        "account:service_account:create",
        "An administrator made an account for a program.",
    )
    SERVICE_ACCOUNT_DEACTIVATED = (
        "account:service_account:deactivate",
        "A program's account was shut, and its tokens were revoked.",
    )
    ORGANIZATION_CREATED = "organization:organization:create", "Somebody made an organisation."
    ORGANIZATION_RENAMED = "organization:organization:rename", "An organisation was renamed."
    ORGANIZATION_DELETED = (
        "organization:organization:delete",
        "An organisation was deleted, with everybody's membership.",
    )
    ORGANIZATION_INVITATION_SENT = (
        "organization:invitation:create",
        "Somebody was invited to an organisation.",
    )
    ORGANIZATION_INVITATION_CANCELED = (
        "organization:invitation:cancel",
        "An invitation to an organisation was taken back.",
    )
    ORGANIZATION_INVITATION_DECLINED = (
        "organization:invitation:decline",
        "An invitation to an organisation was turned down.",
    )
    ORGANIZATION_INVITATION_ACCEPTED = (
        "organization:invitation:accept",
        "A person joined an organisation.",
    )
    MEMBER_ROLE_CHANGED = (
        "organization:membership:change_role",
        "A person's role in an organisation changed.",
    )
    MEMBER_REMOVED = "organization:membership:remove", "A person was taken out of an organisation."
    MEMBER_LEFT = "organization:membership:leave", "A person left an organisation."
    PASSWORD_REFUSED = (
        "password:user:refuse",
        "A current password was entered wrong by whoever was signed in.",
    )
    PASSWORD_CHANGED = (
        "password:user:change",
        "A person changed the password.",
    )
    PASSWORD_RESET_REQUESTED = (
        "password:reset:request",
        "Somebody asked to choose a new password.",
    )
    PASSWORD_RESET_FORCED = (
        "password:reset:force",
        "An administrator had a person choose a new password.",
    )
    PASSWORD_RESET = (
        "password:reset:complete",
        "A person chose a new password by a mailed link.",
    )
    API_TOKEN_CREATED = "token:api_token:create", "An API token was made."
    API_TOKEN_ROTATED = (
        "token:api_token:rotate",
        "An API token got a successor, and works beside it for a while.",
    )
    API_TOKEN_RENAMED = "token:api_token:rename", "An API token was renamed."
    API_TOKEN_REVOKED = "token:api_token:revoke", "An API token was revoked."
    FACTOR_ADDED = "factor:user:enroll", "A person set up a second factor."
    FACTOR_REMOVED = "factor:user:remove", "A person removed a second factor."
    FACTOR_RENAMED = "factor:user:rename", "A person called a passkey something else."
    FACTOR_USED = "factor:user:use", "A person proved who they are by a second factor."
    FACTOR_REFUSED = "factor:user:refuse", "A second factor's proof was wrong."
    RECOVERY_CODE_USED = "factor:recovery_code:use", "A person used a recovery code."
    RECOVERY_CODES_REGENERATED = (
        "factor:recovery_code:regenerate",
        "A person got new recovery codes in place of the former ones.",
    )
    FACTORS_RESET = (
        "factor:user:reset",
        "An administrator removed all second factors of a person.",
    )
    REAUTHENTICATED = "session:user:reauthenticate", "A person proved again who they are."
    LOGGED_IN = "session:user:log_in", "A session began."
    LOG_IN_REFUSED = "session:user:refuse_log_in", "A log-in failed."
    LOG_IN_THROTTLED = (
        "session:user:throttle_log_in",
        "Log-ins of an account were refused unseen, there were too many.",
    )
    IMPERSONATION_BEGUN = (
        "session:user:impersonate",
        "An administrator began to act in a person's name.",
    )
    IMPERSONATION_ENDED = (
        "session:user:end_impersonation",
        "An administrator ceased to act in a person's name.",
    )
    LOGGED_OUT = "session:user:log_out", "A session was ended from within."
    SESSIONS_REVOKED = "session:user:revoke", "Sessions were ended from outside."
    REFRESH_TOKEN_REUSED = (
        "session:refresh_token:reuse",
        "An old refresh token came again, so its session ended.",
    )
