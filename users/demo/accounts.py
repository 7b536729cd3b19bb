"""The demo accounts."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from core.database.ids import first_id_at
from users.accounts.models import LastSeen, Profile, User


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAccount:
    """An account for one role."""

    username: str
    name: str
    role: str
    description: str
    is_staff: bool = False
    is_superuser: bool = False

    @property
    def email(self) -> str:
        """An address in a reserved domain (RFC 2606)."""
        return f"{self.username}@roster.example"


DEMO_ACCOUNTS: Final = (
    DemoAccount(
        username="ada",
        name="Ada Lovelace",
        role="Administrator",
        description="sees and changes everything",
        is_staff=True,
        is_superuser=True,
    ),
    DemoAccount(
        username="grace",
        name="Grace Hopper",
        role="Staff",
        description="sees all users, edits profiles in the admin",
        is_staff=True,
    ),
    DemoAccount(
        username="alan",
        name="Alan Turing",
        role="Member",
        description="sees himself and public users",
    ),
)


def create_demo_accounts(joined: dt.datetime) -> list[User]:
    """Create the demo accounts, the administrator first; only for a new database."""
    users = []
    for number, account in enumerate(DEMO_ACCOUNTS):
        at = joined + dt.timedelta(minutes=number)
        user = User.objects.create(
            pk=first_id_at(at),
            date_joined=at,
            username=account.username,
            email=account.email,
            name=account.name,
            is_staff=account.is_staff,
            is_superuser=account.is_superuser,
            is_public=True,
            email_verified_at=at,
        )
        Profile.objects.create(user=user, bio=f"A demo account: {account.description}.")
        LastSeen.objects.create(user=user)
        users.append(user)
    return users


def refresh_demo_passwords() -> None:
    """Set the password of existing demo accounts to `settings.DEMO_PASSWORD`."""
    for user in User.objects.filter(email__in=[account.email for account in DEMO_ACCOUNTS]):
        if not user.check_password(settings.DEMO_PASSWORD):
            user.set_password(settings.DEMO_PASSWORD)
            user.save(update_fields=["password"])
