"""New users of an import, written by COPY: a statement per table and batch."""

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.utils import timezone

from core.database.copies import copy_rows
from core.database.ids import new_id
from core.security.actor import Actor
from users.accounts.authentication_methods import Method
from users.accounts.identifiers import USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH
from users.accounts.models import EmailAddress, LastSeen, Metadata, Profile, User
from users.accounts.services.create_user import is_reserved
from users.activity.services.record import ManyRecorded, record, record_many
from users.activity.tags import Tag
from users.authentication.factors.one_time_codes import seal_secret
from users.authentication.models import Suspension, Totp
from users.imports.fields import ImportField
from users.imports.models import ExternalId, UserImport
from users.imports.services.clean import Row
from users.imports.services.directory import Directory
from users.organizations.models import Membership, Organization

# Of imported suspensions, which staff see; the same in every language, to be recognised.
SUSPENSION_REASON: Final = "Suspended in the former system."
SUFFIX_BYTES: Final = 4
NOT_IN_USERNAMES: Final = re.compile(r"[^a-z0-9._-]")


class NewUser(NamedTuple):
    """A valid row, and the id of the user to create."""

    id: UUID
    row: Row


class NewMembership(NamedTuple):
    """A user's role in an organisation."""

    organization_id: UUID
    user_id: UUID
    role: str


def create_users(
    rows: Sequence[Row], directory: Directory, user_import: UserImport, *, actor: Actor
) -> None:
    """Create users with all that their rows have, in the caller's transaction.

    Each is recorded as one event; no mails are sent. Raises `IntegrityError` if a concurrent
    transaction took an identifier.
    """
    if not rows:
        return
    _choose_usernames(rows)
    users = [NewUser(new_id(), row) for row in rows]
    now = timezone.now()
    copy_rows(User, USER_COLUMNS, map(_user, users))
    copy_rows(Profile, PROFILE_COLUMNS, map(_profile, users))
    copy_rows(LastSeen, ("user_id", "at"), ((user.id, None) for user in users))
    for model, columns, values in (
        (Metadata, ("user_id", "public", "private"), [*map(_metadata, _with(users, *METADATA))]),
        (
            EmailAddress,
            ("user_id", "email", "verified_at"),
            [
                (user.id, email, user.row.get(ImportField.CREATED_AT, now))
                for user in users
                for email in user.row.get(ImportField.SECONDARY_EMAILS, ())
            ],
        ),
        (
            User.groups.through,
            ("user_id", "group_id"),
            [
                (user.id, directory.groups[name])
                for user in users
                for name in user.row.get(ImportField.GROUPS, ())
            ],
        ),
        (
            Totp,
            ("user_id", "secret", "last_step", "begun_at", "confirmed_at"),
            [
                (user.id, seal_secret(user.row.get(ImportField.TOTP_SECRET), user.id), 0, now, now)
                for user in _with(users, ImportField.TOTP_SECRET)
            ],
        ),
        (
            Suspension,
            ("user_id", "reason", "created_at"),
            [(user.id, SUSPENSION_REASON, now) for user in users if _is_suspended(user.row)],
        ),
        (
            ExternalId,
            (
                *("user_id", "source", "value", "is_origin", "digest", "password_digest"),
                "last_import_id",
            ),
            [
                *(
                    (
                        user.id,
                        user_import.source,
                        user.row.get(ImportField.EXTERNAL_ID),
                        True,
                        user.row.digest,
                        user.row.password_digest,
                        user_import.pk,
                    )
                    for user in _with(users, ImportField.EXTERNAL_ID)
                ),
                *(
                    (user.id, source, value, True, b"", b"", user_import.pk)
                    for user in users
                    for source, value in user.row.get(ImportField.EXTERNAL_IDS, {}).items()
                ),
            ],
        ),
    ):
        if values:
            copy_rows(model, columns, values)
    record_many(
        Tag.USER_IMPORTED,
        (ManyRecorded(user.id, data=_recorded(user.row, directory)) for user in users),
        actor=actor,
    )
    add_members([(user.id, user.row) for user in users], directory, actor=actor)


def add_members(
    users: Sequence[tuple[UUID, Row]], directory: Directory, *, actor: Actor
) -> list[NewMembership]:
    """Add users to the organisations of their rows; create those that do not exist.

    The users are not members yet. In the caller's transaction.
    """
    roles = {
        (_organization(key, user_id, directory, actor=actor), user_id): role
        for user_id, row in users
        for key, role in row.get(ImportField.ORGANIZATIONS, {}).items()
    }
    memberships = [NewMembership(*ids, role) for ids, role in roles.items()]
    if memberships:
        now = timezone.now()
        copy_rows(
            Membership,
            ("id", "organization_id", "user_id", "role", "created_at"),
            ((new_id(), *each, now) for each in memberships),
        )
        record_many(
            Tag.MEMBER_IMPORTED,
            (
                ManyRecorded(each.user_id, each.organization_id, {"role": each.role})
                for each in memberships
            ),
            actor=actor,
        )
    return memberships


def _organization(name: str | UUID, owner_id: UUID, directory: Directory, *, actor: Actor) -> UUID:
    """Return an organisation's id; create the one of a name if it does not exist."""
    key = directory.organizations.get(name)
    if key is None:
        # Rows with unknown ids are skipped.
        name = cast("str", name)
        organization = Organization.objects.create(name=name)
        directory.new_organizations.append(name)
        key = directory.organizations[name] = organization.pk
        record(
            Tag.ORGANIZATION_CREATED,
            actor=actor,
            subject_id=owner_id,
            personal={"name": name},
            organization=key,
        )
    return key


def _recorded(row: Row, directory: Directory) -> dict[str, Any]:
    """Return what the event of a new user says: groups and a second factor."""
    groups = [directory.groups[name] for name in row.get(ImportField.GROUPS, ())]
    fields = ["second_factors"] if ImportField.TOTP_SECRET in row.values else []
    return ({"groups": groups} if groups else {}) | ({"fields": fields} if fields else {})


def _choose_usernames(rows: Sequence[Row]) -> None:
    """Set the usernames of rows without one, derived from the addresses."""
    missing = [row for row in rows if ImportField.USERNAME not in row.values]
    if not missing:
        return
    chosen = {row.get(ImportField.USERNAME) for row in rows}
    derived = {id(row): _derived_username(row.get(ImportField.EMAIL)) for row in missing}
    users = User.objects.filter(username__in=set(derived.values()))
    chosen.update(users.values_list("username", flat=True))
    for row in missing:
        username = derived[id(row)]
        if username in chosen:
            username = _with_suffix(username)
        chosen.add(username)
        row.values[ImportField.USERNAME] = username


def _derived_username(email: str) -> str:
    local = NOT_IN_USERNAMES.sub("", email.partition("@")[0])[:USERNAME_MAX_LENGTH].strip("._-")
    if len(local) < USERNAME_MIN_LENGTH or is_reserved(local):
        return _with_suffix(local or "user")
    return local


def _with_suffix(username: str) -> str:
    suffix = secrets.token_hex(SUFFIX_BYTES)
    return f"{username[: USERNAME_MAX_LENGTH - len(suffix) - 1].rstrip('._-')}-{suffix}"


def _with(users: Sequence[NewUser], *names: ImportField) -> Iterator[NewUser]:
    """Yield the users whose rows have one of the fields."""
    return (user for user in users if any(name in user.row.values for name in names))


def _is_suspended(row: Row) -> bool:
    return bool(row.get(ImportField.SUSPENDED))


USER_COLUMNS: Final = (
    *("id", "username", "email", "email_verified_at", "name", "password", "is_active"),
    *("is_staff", "is_superuser", "is_public", "date_joined", "second_factors"),
)


def _user(user: NewUser) -> tuple[Any, ...]:
    row, now = user.row, timezone.now()
    created_at = row.get(ImportField.CREATED_AT, now)
    return (
        user.id,
        row.get(ImportField.USERNAME),
        row.get(ImportField.EMAIL),
        created_at if row.get(ImportField.EMAIL_VERIFIED) else None,
        row.display_name or "",
        row.password or UNUSABLE_PASSWORD_PREFIX + secrets.token_urlsafe(30),
        not _is_suspended(row),
        False,
        False,
        False,
        created_at,
        [Method.TOTP.value] if ImportField.TOTP_SECRET in row.values else [],
    )


PROFILE_COLUMNS: Final = (
    *("user_id", "given_name", "family_name", "bio", "website", "locale", "time_zone"),
)


def _profile(user: NewUser) -> tuple[Any, ...]:
    row = user.row
    return (
        user.id,
        row.get(ImportField.GIVEN_NAME, ""),
        row.get(ImportField.FAMILY_NAME, ""),
        "",
        "",
        row.get(ImportField.LOCALE, "en"),
        row.get(ImportField.TIME_ZONE, "UTC"),
    )


METADATA: Final = (ImportField.PUBLIC_METADATA, ImportField.PRIVATE_METADATA)


def _metadata(user: NewUser) -> tuple[Any, ...]:
    return (user.id, *(json.dumps(user.row.get(name, {})) for name in METADATA))
