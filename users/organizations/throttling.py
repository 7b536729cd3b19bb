"""Rate limits of organisations and invitations.

Each `count_…` function counts one attempt, as in `users.accounts.throttling`.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt
from core.security.actor import Actor
from users.accounts.throttling import mails_of_network

ORGANIZATIONS_PER_USER: Final = Limit("organization.user", 10, timedelta(days=1))
INVITATIONS_PER_USER: Final = Limit("organization_invitation.user", 50, timedelta(days=1))
# Separate from other mails to an address, so that inviters cannot use up its owner's limit.
INVITATIONS_PER_ADDRESS: Final = Limit("organization_invitation.recipient", 5, timedelta(days=1))


def user_buckets(user_id: UUID, emails: Iterable[str]) -> list[Bucket]:
    """Return the buckets of a user and their addresses."""
    own = (ORGANIZATIONS_PER_USER, INVITATIONS_PER_USER)
    return [
        *(Bucket(limit, str(user_id)) for limit in own),
        *(Bucket(INVITATIONS_PER_ADDRESS, email) for email in emails),
    ]


def count_organization(user_id: UUID) -> None:
    """Count a creation of an organisation."""
    attempt(Bucket(ORGANIZATIONS_PER_USER, str(user_id)))


def count_invitation(actor: Actor, email: str) -> None:
    """Count an invitation to an address, with or without an account (no enumeration)."""
    attempt(
        Bucket(INVITATIONS_PER_USER, str(actor.user_id)),
        Bucket(INVITATIONS_PER_ADDRESS, email),
        mails_of_network(actor),
    )
