"""How often organisations may be made, and people invited to them.

Each function counts one attempt, as those of `users.accounts.throttling` do.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt
from core.security.actor import Actor
from users.accounts.throttling import MAILS_PER_NETWORK, network_bucket

ORGANIZATIONS_PER_USER: Final = Limit("organization.person", 10, timedelta(days=1))
INVITATIONS_PER_USER: Final = Limit("organization_invitation.person", 50, timedelta(days=1))
# Apart from the other mails to an address: who invites must not use up what its owner asks for.
INVITATIONS_PER_ADDRESS: Final = Limit("organization_invitation.recipient", 5, timedelta(days=1))


def user_buckets(user_id: UUID, emails: Iterable[str]) -> list[Bucket]:
    """Return where attempts by and about a person count."""
    own = (ORGANIZATIONS_PER_USER, INVITATIONS_PER_USER)
    return [
        *(Bucket(limit, str(user_id)) for limit in own),
        *(Bucket(INVITATIONS_PER_ADDRESS, email) for email in emails),
    ]


def count_organization(user_id: UUID) -> None:
    """Count an organisation that somebody makes."""
    attempt(Bucket(ORGANIZATIONS_PER_USER, str(user_id)))


def count_invitation(actor: Actor, email: str) -> None:
    """Count a mail to an address, from whichever organisation, whether anybody has it or not."""
    attempt(
        Bucket(INVITATIONS_PER_USER, str(actor.user_id)),
        Bucket(INVITATIONS_PER_ADDRESS, email),
        network_bucket(MAILS_PER_NETWORK, actor),
    )
