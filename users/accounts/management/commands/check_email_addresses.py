"""List the stored addresses that earlier rules accepted and today's do not."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand
from django.db.models import Q

from core.email.addresses import canonical_email
from users.accounts.identifiers import SET_ASIDE_DOMAIN
from users.accounts.models import EmailAddress, User

# What is certainly canonical: no quotation marks, no A-label, no other reserved label.
PLAIN = r"^[a-z0-9._+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$"
RESERVED = r"@(.*\.)?..--|\.(alt|arpa|invalid|localhost|onion)$"


class Command(BaseCommand):
    """Look at people only: service accounts and erased rows have no mailbox on purpose."""

    help = (
        "Lists addresses that nobody could sign up with today: set aside in an upgrade because "
        "another account has the mailbox, or not deliverable. Give the person another address, or "
        "delete the account."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write one line an address: the username, the address, and what is wrong."""
        found = 0
        for username, email in _suspicious_emails():
            problem = _problem_of(email)
            if problem:
                found += 1
                self.stdout.write(f"{username}\t{email}\t{problem}")
        self.stdout.write(f"{found} addresses to look at.")


def _suspicious_emails() -> Iterator[tuple[str, str]]:
    people = User.objects.people().filter(erased_at=None)
    further = EmailAddress.objects.filter(user__in=people)
    for rows, username in ((people, "username"), (further, "user__username")):
        is_suspicious = ~Q(email__regex=PLAIN) | Q(email__regex=RESERVED)
        yield from rows.filter(is_suspicious).values_list(username, "email").iterator()


def _problem_of(email: str) -> str | None:
    former, is_set_aside, _rest = email.partition(f".{SET_ASIDE_DOMAIN}")
    if is_set_aside:
        mailbox = former.rpartition(".")[0]
        owner = User.objects.with_address(mailbox).values_list("username", flat=True).first()
        return f"is the address of {owner}" if owner else "cannot receive mail"
    try:
        canonical_email(email)
    except ValidationError as error:
        return " ".join(error.messages)
    return None
