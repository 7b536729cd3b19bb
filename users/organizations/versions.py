"""Which changes of organisations touch which entities.

The key of an organisation's version is its id. It covers the organisation, its invitations and
memberships, and all that the versions of its members cover, except their other memberships.
"""

from core.versions.touches import Touches, register_touches
from users.organizations.models import Membership, Organization, OrganizationInvitation

register_touches(
    Touches(Organization, ("id",)),
    Touches(Membership, ("user_id", "organization_id")),
    Touches(
        OrganizationInvitation,
        ("organization_id",),
        hidden={
            "nonce": "the secret of a mailed link",
            "locale": "the language of the mail",
        },
    ),
)
