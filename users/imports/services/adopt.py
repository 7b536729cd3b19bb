"""Adoption of a running Django project's users, which may be repeated until the switch."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any
from uuid import UUID

import orjson
from django.contrib.auth.models import Group

from core.security.actor import Actor
from users.accounts.identifiers import is_username
from users.accounts.services.groups import create_group
from users.activity.models import Event
from users.activity.tags import Tag
from users.imports.fields import ImportField, ImportFormat, ImportMode
from users.imports.models import ExternalId, SkippedRow, SkippedRowQuerySet, UserImport
from users.imports.services.comparison import Comparison
from users.imports.services.django_project import COLUMNS, Project
from users.imports.services.start import check_user_import, start_checked_import

PRIMARY, SECONDARY = ImportField.EMAIL, ImportField.SECONDARY_EMAILS


@dataclass(slots=True)
class Adoption:
    """The import of a project's users, and what is not taken of them."""

    user_import: UserImport
    privileged: int
    social_accounts: Sequence[tuple[str, int]]
    comparison: Comparison
    # The usernames in the project that are not valid here, by the user's id there.
    derived_usernames: dict[str, str]
    new_groups: Sequence[str] = field(default_factory=list)

    def changes(self) -> list[tuple[str, list[UUID]]]:
        """Return the ids of changed users by field."""
        events = Event.objects.since(self.user_import.created_at).filter(
            tag=Tag.IMPORTED_USER_CHANGED, data__user_import=str(self.user_import.pk)
        )
        fields: defaultdict[str, list[UUID]] = defaultdict(list)
        for key, names in events.values_list("subject_id", "data__fields").iterator():
            for name in names:
                fields[name].append(key)
        return sorted(fields.items())

    def derived(self, limit: int) -> list[tuple[str, str | None]]:
        """Return usernames of the project that are not valid here, and those derived for them."""
        first = dict(islice(self.derived_usernames.items(), limit))
        adopted = ExternalId.objects.filter(source=self.user_import.source, value__in=first)
        here = dict(adopted.values_list("value", "user__username"))
        return [(username, here.get(key)) for key, username in first.items()]

    @property
    def skipped(self) -> SkippedRowQuerySet:
        """The skipped users; their external ids are those in the project."""
        rows: SkippedRowQuerySet = SkippedRow.objects.filter(user_import=self.user_import)
        return rows

    def missing(self, limit: int) -> list[tuple[str, str]]:
        """Return ids and usernames of adopted users whom the project no longer has."""
        if self.user_import.is_dry_run:
            return []
        adopted = ExternalId.objects.filter(source=self.user_import.source)
        gone = adopted.exclude(last_import_id=self.user_import.pk)
        return list(gone.order_by("pk").values_list("value", "user__username")[:limit])


def adopt_project(
    project: Project, lines: IO[bytes], *, actor: Actor, source: str, is_dry_run: bool = False
) -> Adoption:
    """Write a project's users to the file ``lines``, and start its import.

    Users whose values are those of the last time are unchanged. Groups are created without
    permissions, once the import is checked; roles and social accounts are not taken. Raises the
    errors of `check_user_import`, and of `create_group` for a name that cannot be one here.
    """
    names = project.group_names()
    known = set(Group.objects.filter(name__in=names).values_list("name", flat=True))
    new = [name for name in names if name not in known]
    if not is_dry_run:
        known.update(new)
    derived = {}
    for user in project.users():
        row = _row(user)
        row["groups"] = [name for name in user.get("groups", ()) if name in known]
        if ImportField.USERNAME not in row:
            derived[row[ImportField.EXTERNAL_ID]] = str(user.get("username") or "")
        lines.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS))
    user_import = check_user_import(
        lines,
        actor=actor,
        format_=ImportFormat.JSON_LINES,
        mode=ImportMode.UPSERT,
        source=source,
        is_dry_run=is_dry_run,
    )
    lines.seek(0)
    comparison = Comparison.of(map(orjson.loads, lines), user_import.source)
    for name in () if is_dry_run else new:
        create_group(actor=actor, name=name)
    start_checked_import(lines, user_import, actor=actor)
    return Adoption(
        user_import,
        privileged=project.count_privileged(),
        social_accounts=project.social_accounts(),
        comparison=comparison,
        derived_usernames=derived,
        new_groups=new,
    )


def _row(user: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a project's user."""
    row: dict[str, Any] = {ImportField.EXTERNAL_ID.value: str(user["id"])}
    for column, name in COLUMNS.items():
        value = user.get(column)
        if isinstance(value, dt.datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).isoformat()
        if value not in (None, ""):
            row[name.value] = value
    row[ImportField.SUSPENDED.value] = not user.get("is_active", True)
    _add_addresses(row, user.get("addresses", ()))
    if not is_username(row.get(ImportField.USERNAME.value, "")):
        row.pop(ImportField.USERNAME.value, None)
    return row


def _add_addresses(row: dict[str, Any], addresses: Sequence[tuple[str, bool, bool]]) -> None:
    """Add what allauth knows: which address is the primary one, which are verified."""
    if PRIMARY.value not in row:
        primary = [email for email, _is_verified, is_primary in addresses if is_primary]
        row.update({PRIMARY.value: primary[0]} if primary else {})
    verified = {
        email.lower(): email for email, is_verified, _is_primary in addresses if is_verified
    }
    email = str(row.get(PRIMARY.value, "")).lower()
    row[ImportField.EMAIL_VERIFIED.value] = verified.pop(email, None) is not None
    if verified:
        row[SECONDARY.value] = list(verified.values())
