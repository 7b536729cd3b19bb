"""Personal data in memberships and invitations."""

from django.db.models import Q

from users.accounts.personal_data import LINK, NUMBER, OWN, by_address, by_id
from users.activity.personal_data_registry import (
    DeleteRows,
    NonPersonalTable,
    PersonalTable,
    register_buckets,
    register_tables,
)
from users.organizations.models import Membership, Organization, OrganizationInvitation
from users.organizations.throttling import user_buckets

register_buckets(lambda subject: user_buckets(subject.id, subject.emails))

register_tables(
    PersonalTable(
        model=Membership,
        row_conditions=by_id,
        exported=("organization__name", "role", "created_at"),
        not_exported={"id": NUMBER, "user": OWN, "organization": "exported by name"},
        erasure=DeleteRows(),
    ),
    # Sent and received invitations.
    PersonalTable(
        model=OrganizationInvitation,
        row_conditions=lambda subject: [Q(inviter=subject.id), *by_address(subject)],
        exported=("organization__name", "email", "role", "locale", "created_at", "expires_at"),
        not_exported={
            "id": NUMBER,
            "nonce": LINK,
            "organization": "exported by name",
            "inviter": "the user's id, or another user's",
        },
        erasure=DeleteRows(),
    ),
    NonPersonalTable(
        model=Organization,
        columns=("id", "name", "created_at"),
        reason="Shared by several users; a sole owner must delete it before the account.",
    ),
)
