"""Users, their profiles, and links in mails."""

from users.accounts.models.email_addresses import EmailAddress
from users.accounts.models.links import (
    EmailAddition,
    EmailChange,
    EmailReversal,
    Invitation,
    InvitationQuerySet,
    MailedLink,
    MailedLinkQuerySet,
    SignUp,
)
from users.accounts.models.profiles import PROFILE_FIELDS, LastSeen, Metadata, Profile
from users.accounts.models.users import (
    ASCII_EMAIL,
    User,
    UserManager,
    UserQuerySet,
    owner_text,
    user_key,
)

__all__ = [
    "ASCII_EMAIL",
    "PROFILE_FIELDS",
    "EmailAddition",
    "EmailAddress",
    "EmailChange",
    "EmailReversal",
    "Invitation",
    "InvitationQuerySet",
    "LastSeen",
    "MailedLink",
    "MailedLinkQuerySet",
    "Metadata",
    "Profile",
    "SignUp",
    "User",
    "UserManager",
    "UserQuerySet",
    "owner_text",
    "user_key",
]
