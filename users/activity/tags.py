"""The name of every kind of event."""

from enum import StrEnum


class Tag(StrEnum):
    """Tags read `source:subject:action`; a retired one stays here as a comment."""

    SIGN_UP_REQUESTED = "account:sign_up:request"
    EMAIL_VERIFIED = "account:email:verify"
    USER_CREATED = "account:user:create"
    USER_CHANGED = "account:user:change"
    PROFILE_CHANGED = "account:profile:change"
    USER_GROUPS_CHANGED = "account:user:change_groups"
    GROUP_CHANGED = "account:group:change"
    LOGGED_IN = "session:user:log_in"
    LOG_IN_REFUSED = "session:user:refuse_log_in"
    LOGGED_OUT = "session:user:log_out"
    REFRESH_TOKEN_REUSED = "session:refresh_token:reuse"  # noqa: S105 - a tag, not a secret
