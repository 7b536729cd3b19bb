"""Error codes of organisations; see `core.errors`."""

from core.errors import ErrorCode


class OrganizationErrorCode(ErrorCode):
    """Error codes of members and invitations."""

    LAST_OWNER = "LAST_OWNER", "The organisation would have no owner left."
    ALREADY_MEMBER = "ALREADY_MEMBER", "The user is already a member of the organisation."
    INVITATION_OF_ANOTHER = (
        "INVITATION_OF_ANOTHER",
        "The invitation is for an address that the signed-in user does not have.",
    )
    TOO_MANY_INVITATIONS = (
        "TOO_MANY_INVITATIONS",
        "The organisation has the maximum number of pending invitations.",
    )
