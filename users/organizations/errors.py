"""Reasons and errors of the app; see `core.errors`."""

from core.errors import ErrorCode


class OrganizationErrorCode(ErrorCode):
    """Reasons about members and invitations."""

    LAST_OWNER = "LAST_OWNER", "The organisation would be left without an owner."
    ALREADY_MEMBER = "ALREADY_MEMBER", "The person belongs to the organisation already."
    INVITATION_OF_ANOTHER = (
        "INVITATION_OF_ANOTHER",
        "The invitation is for another address than that of whoever is signed in.",
    )
    TOO_MANY_INVITATIONS = (
        "TOO_MANY_INVITATIONS",
        "So many people are invited to the organisation that some have to answer first.",
    )
