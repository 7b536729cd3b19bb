"""List stored addresses that the current rules reject."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand
from django.db.models import Q

from core.email.addresses import canonical_email
from users.accounts.identifiers import SET_ASIDE_DOMAIN
from users.accounts.models import EmailAddress, User

# Certainly canonical: no quotation marks, A-labels or other reserved labels.
CANONICAL = r"^[a-z0-9._+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$"
RESERVED = r"@(.*\.)?..--|\.(alt|arpa|invalid|localhost|onion)$"


class Command(BaseCommand):
    """Checks users only: service accounts and erased users have no mailbox by design."""

    help = (
        "Lists addresses that cannot be used to sign up: set aside by an upgrade because another "
        "account has the mailbox, or malformed. Give the user another address, or delete the "
        "account."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write one line per address: username, address and problem, separated by tabs."""
        found = 0
        for username, email in _suspicious_emails():
            problem = _problem_of(email)
            if problem:
                found += 1
                self.stdout.write(f"{username}\t{email}\t{problem}")
        self.stdout.write(f"{found} addresses to check.")


def _suspicious_emails() -> Iterator[tuple[str, str]]:
    users = User.objects.exclude_service_accounts().filter(erased_at=None)
    secondary = EmailAddress.objects.filter(user__in=users)
    for rows, username in ((users, "username"), (secondary, "user__username")):
        is_suspicious = ~Q(email__regex=CANONICAL) | Q(email__regex=RESERVED)
        yield from rows.filter(is_suspicious).values_list(username, "email").iterator()


def _problem_of(email: str) -> str | None:
    former, is_set_aside, _rest = email.partition(f".{SET_ASIDE_DOMAIN}")
    if is_set_aside:
        mailbox = former.rpartition(".")[0]
        owner = User.objects.with_address(mailbox).values_list("username", flat=True).first()
        return f"the address belongs to {owner}" if owner else "cannot receive mail"
    try:
        canonical_email(email)
    except ValidationError as error:
        return " ".join(error.messages)
    return None
