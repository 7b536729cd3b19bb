"""What organisations hold about people."""

from django.db.models import Q

from core.ratelimit.limits import forget
from users.accounts.personal_data import LINK, NUMBER, OWN, by_address, by_id
from users.activity.personal_data_registry import (
    DataSubject,
    DeleteRows,
    NonPersonalTable,
    PersonalTable,
    register_eraser,
    register_tables,
)
from users.organizations.models import Membership, Organization, OrganizationInvitation
from users.organizations.throttling import user_buckets


@register_eraser
def _clear_rate_limits(subject: DataSubject) -> None:
    forget(*user_buckets(subject.id, subject.emails))


register_tables(
    PersonalTable(
        model=Membership,
        row_conditions=by_id,
        exported=("organization__name", "role", "created_at"),
        not_exported={"id": NUMBER, "user": OWN, "organization": "told by its name"},
        erasure=DeleteRows(),
    ),
    # Those that the person sent, and those that the person got.
    PersonalTable(
        model=OrganizationInvitation,
        row_conditions=lambda subject: [Q(inviter=subject.id), *by_address(subject)],
        exported=("organization__name", "email", "role", "locale", "created_at", "expires_at"),
        not_exported={
            "id": NUMBER,
            "nonce": LINK,
            "organization": "told by its name",
            "inviter": "the person's own id, or somebody else's",
        },
        erasure=DeleteRows(),
    ),
    NonPersonalTable(
        model=Organization,
        columns=("id", "name", "created_at"),
        reason="What several people share; whoever has one alone deletes it before the account.",
    ),
)
