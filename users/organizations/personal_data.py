"""What organisations hold about people."""

from django.db.models import Q

from core.ratelimit.limits import forget
from users.accounts.personal_data import LINK, NUMBER, OWN, by_address, by_id
from users.activity.personal import (
    ImpersonalTable,
    Person,
    PersonalTable,
    Removed,
    also_erases,
    declare,
)
from users.organizations.models import Membership, Organization, OrganizationInvitation
from users.organizations.throttling import buckets_of


@also_erases
def _forget_attempts(person: Person) -> None:
    forget(*buckets_of(person.id, person.emails))


declare(
    PersonalTable(
        model=Membership,
        ways=by_id,
        told=("organization__name", "role", "created_at"),
        withheld={"id": NUMBER, "user": OWN, "organization": "told by its name"},
        erasure=Removed(),
    ),
    # Those that the person sent, and those that the person got.
    PersonalTable(
        model=OrganizationInvitation,
        ways=lambda person: [Q(inviter=person.id), *by_address(person)],
        told=("organization__name", "email", "role", "locale", "created_at", "expires_at"),
        withheld={
            "id": NUMBER,
            "nonce": LINK,
            "organization": "told by its name",
            "inviter": "the person's own id, or somebody else's",
        },
        erasure=Removed(),
    ),
    ImpersonalTable(
        model=Organization,
        columns=("id", "name", "created_at"),
        reason="What several people share; whoever has one alone deletes it before the account.",
    ),
)
