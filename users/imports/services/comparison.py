"""The rows of a former system, compared with the accounts that exist, before their import."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from django.core.exceptions import ValidationError

from core.email.addresses import canonical_email
from users.accounts.models import EmailAddress, User
from users.imports.fields import ImportField
from users.imports.models import ExternalId
from users.imports.services.ownership import unused_imports

BATCH: Final = 1_000


@dataclass(slots=True)
class Comparison:
    """What exists of the users of a file, by line."""

    # Lines of users who are not here.
    new: set[int] = field(default_factory=set)
    # The usernames of accounts with the same address that the source has not created.
    matched: dict[int, str] = field(default_factory=dict)
    # Those of them that keep their password, though the row has one.
    without_password: dict[int, str] = field(default_factory=dict)
    # The usernames of adopted users, and their groups here that the row lacks.
    other_groups: dict[int, tuple[str, Sequence[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], source: str) -> "Comparison":
        """Compare rows with the accounts, in batches."""
        comparison = cls()
        lines = enumerate(rows, 1)
        while batch := list(islice(lines, BATCH)):
            comparison._add(batch, source)
        return comparison

    def _add(self, batch: Sequence[tuple[int, Mapping[str, Any]]], source: str) -> None:
        known = {
            each.value: each
            for each in ExternalId.objects.filter(
                source=source, value__in=[row[ImportField.EXTERNAL_ID] for _line, row in batch]
            )
            .select_related("user")
            .prefetch_related("user__groups")
        }
        emails = {line: email for line, row in batch for email in _email(row)}
        owners = _owners(set(emails.values()))
        unused = unused_imports(
            [user.pk for user in owners.values() if not user.has_usable_password()]
        )
        for line, row in batch:
            external_id = known.get(row[ImportField.EXTERNAL_ID])
            if external_id is not None:
                self._add_known(line, row, external_id)
            elif user := owners.get(emails.get(line, "")):
                self.matched[line] = user.username
                if _has_password(row) and user.pk not in unused:
                    self.without_password[line] = user.username
            else:
                self.new.add(line)

    def _add_known(self, line: int, row: Mapping[str, Any], external_id: ExternalId) -> None:
        names = {group.name for group in external_id.user.groups.all()}
        if others := sorted(names.difference(row.get(ImportField.GROUPS, ()))):
            self.other_groups[line] = external_id.user.username, others


def _email(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the address of a row, if it is valid."""
    try:
        yield canonical_email(str(row.get(ImportField.EMAIL, "")).strip())
    except ValidationError:
        return


def _owners(emails: set[str]) -> dict[str, User]:
    """Return the users of addresses, primary or secondary."""
    others = EmailAddress.objects.filter(email__in=emails).select_related("user")
    return {each.email: each.user for each in others} | {
        user.email: user for user in User.objects.filter(email__in=emails) if user.email
    }


def _has_password(row: Mapping[str, Any]) -> bool:
    return not str(row.get(ImportField.PASSWORD_HASH, "!")).startswith("!")
