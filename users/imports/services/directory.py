"""What exists already of what the rows of a batch name, read set-wise."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Q

from core.errors import ErrorCode, GenericErrorCode
from users.accounts.errors import AccountErrorCode
from users.accounts.models import EmailAddress, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.imports.errors import ImportErrorCode, RowError
from users.imports.fields import ImportField, ImportMode
from users.imports.models import ExternalId, UserImport
from users.imports.services.clean import Row
from users.organizations.models import Organization
from users.organizations.roles import Role

IDENTIFIERS: Final = (ImportField.EXTERNAL_ID, ImportField.EMAIL, ImportField.USERNAME)
TAKEN: Final[dict[ImportField, ErrorCode]] = {
    ImportField.EXTERNAL_ID: ImportErrorCode.EXTERNAL_ID_TAKEN,
    ImportField.EXTERNAL_IDS: ImportErrorCode.EXTERNAL_ID_TAKEN,
    ImportField.EMAIL: AccountErrorCode.EMAIL_TAKEN,
    ImportField.USERNAME: AccountErrorCode.USERNAME_TAKEN,
}
# Maximum clock skew between two servers.
SKEW: Final = timedelta(hours=1)
IMPORTED: Final = (Tag.USER_IMPORTED, Tag.IMPORTED_USER_CHANGED)


class Identifier(NamedTuple):
    """A value that one user may have, its field, and the field with its namespace."""

    field: ImportField
    kind: ImportField
    # Of the ids in other systems, with the source.
    value: str | tuple[str, str]


@dataclass(slots=True)
class Directory:
    """The owners of the batch's identifiers, and the groups and organisations that it names."""

    mode: ImportMode
    # The users of each identifier's values.
    owners: dict[ImportField, dict[Any, UUID]]
    # The external ids in the source of these users, and those in others by user and source.
    external_ids: dict[UUID, ExternalId]
    other_ids: dict[tuple[UUID, str], str]
    # Users whom earlier batches of the import created or changed.
    imported: set[UUID]
    groups: dict[str, int]
    # By name and by id; None for a name that several organisations have.
    organizations: dict[str | UUID, UUID | None]
    # External ids with digests that are not written yet.
    changed_ids: list[ExternalId] = field(default_factory=list)
    # Names of organisations that the batch created.
    new_organizations: list[str] = field(default_factory=list)
    # The identifiers of the batch's earlier rows.
    _seen: set[tuple[ImportField, str | tuple[str, str]]] = field(default_factory=set)
    _seen_users: set[UUID] = field(default_factory=set)
    # The organisations of earlier rows: of all, and of those that are written.
    _placed_organizations: set[str | UUID] = field(default_factory=set)
    _written_organizations: set[str | UUID] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Sequence[Row], user_import: UserImport) -> "Directory":
        """Read what exists, and lock the groups and organisations until the commit."""
        values: dict[ImportField, list[Any]] = {name: [] for name in TAKEN}
        for row in rows:
            for each in _identifiers(row):
                values[each.kind].append(each.value)
        # Deadlock order: groups before users, organisations before memberships.
        groups = _groups(rows)
        organizations = _organizations(rows)
        external = ExternalId.objects.filter(
            source=user_import.source, value__in=values[ImportField.EXTERNAL_ID]
        )
        owners: dict[ImportField, dict[Any, UUID]] = {
            ImportField.EXTERNAL_ID: dict(external.values_list("value", "user_id")),
            ImportField.EXTERNAL_IDS: _owners_in_sources(values[ImportField.EXTERNAL_IDS]),
            ImportField.EMAIL: _owners(User, "email", "pk", values[ImportField.EMAIL])
            | _owners(EmailAddress, "email", "user_id", values[ImportField.EMAIL]),
            ImportField.USERNAME: _owners(User, "username", "pk", values[ImportField.USERNAME]),
        }
        users = {user_id for each in owners.values() for user_id in each.values()}
        known = list(ExternalId.objects.filter(user_id__in=users))
        external_ids = {each.user_id: each for each in known if each.source == user_import.source}
        return cls(
            mode=ImportMode(user_import.mode),
            owners=owners,
            external_ids=external_ids,
            other_ids={(each.user_id, each.source): each.value for each in known},
            imported=_imported(users - external_ids.keys(), user_import).union(
                each.user_id
                for each in external_ids.values()
                if each.last_import_id == user_import.pk
            ),
            groups=groups,
            organizations=organizations,
            _placed_organizations=set(user_import.new_organizations),
            _written_organizations=set(user_import.new_organizations),
        )

    def place(self, row: Row) -> UUID | None:
        """Return the existing user to change, None for a new one. Raises `RowError`.

        A user is found by an external id or else by the address, and only if the import may change
        users.
        """
        identifiers = list(_identifiers(row))
        owners = [
            (each, user_id)
            for each in identifiers
            if (user_id := self.owners[each.kind].get(each.value)) is not None
        ]
        by_field = {each.field: user_id for each, user_id in reversed(owners)}
        target: UUID | None = None
        if self.mode is ImportMode.UPSERT:
            fields = (ImportField.EXTERNAL_ID, ImportField.EXTERNAL_IDS, ImportField.EMAIL)
            target = next((by_field[name] for name in fields if name in by_field), None)
        for each in identifiers:
            if (each.kind, each.value) in self._seen:
                raise RowError(ImportErrorCode.ROW_REPEATED, each.field)
        for each, user_id in owners:
            if user_id in self.imported or user_id in self._seen_users:
                raise RowError(ImportErrorCode.ROW_REPEATED, each.field)
            if user_id != target:
                raise RowError(TAKEN[each.kind], each.field)
        if target is None and ImportField.EMAIL not in row.values:
            raise RowError(AccountErrorCode.EMAIL_INVALID, ImportField.EMAIL)
        self._check_external_ids(row, target)
        if unknown := set(row.get(ImportField.GROUPS, ())).difference(self.groups):
            raise RowError(GenericErrorCode.NOT_FOUND, ImportField.GROUPS, min(unknown))
        self._check_organizations(row, self._placed_organizations)
        self._seen.update((each.kind, each.value) for each in identifiers)
        if target is not None:
            self._seen_users.add(target)
        return target

    def is_unchanged(self, row: Row, user_id: UUID) -> bool:
        """Return whether the row is the one of the last import of the user."""
        known = self.external_ids.get(user_id)
        return known is not None and bytes(known.digest) == row.digest

    def begin_writing(self, row: Row) -> None:
        """Raise `RowError` for an organisation that an earlier row was to create, but has not.

        That row is unchanged, or about a user whom imports may not change.
        """
        self._check_organizations(row, self._written_organizations)

    def lacks_organization(self, row: Row) -> bool:
        """Return whether an organisation of the row does not exist yet."""
        return not self.organizations.keys() >= row.get(ImportField.ORGANIZATIONS, {}).keys()

    def note_import(self, user_import: UserImport, user_ids: AbstractSet[UUID]) -> None:
        """Write that the import has rows of these existing users."""
        keys = [each.pk for each in self.external_ids.values() if each.user_id in user_ids]
        ExternalId.objects.filter(pk__in=keys).update(last_import_id=user_import.pk)

    def write_digests(self) -> None:
        """Write the digests of changed rows."""
        ExternalId.objects.bulk_update(self.changed_ids, ["digest", "password_digest"])

    def _check_external_ids(self, row: Row, target: UUID | None) -> None:
        """Raise `RowError` if the user to change has another external id in a source."""
        if target is None:
            return
        value = row.get(ImportField.EXTERNAL_ID)
        known = self.external_ids.get(target)
        if known is not None and value is not None and known.value != value:
            raise RowError(ImportErrorCode.EXTERNAL_ID_TAKEN, ImportField.EXTERNAL_ID)
        for source, value in row.get(ImportField.EXTERNAL_IDS, {}).items():
            if self.other_ids.get((target, source), value) != value:
                raise RowError(ImportErrorCode.EXTERNAL_ID_TAKEN, ImportField.EXTERNAL_IDS)

    def _check_organizations(self, row: Row, earlier: set[str | UUID]) -> None:
        """Raise `RowError` for unknown organisations; add the row's to those of earlier rows."""
        organizations = row.get(ImportField.ORGANIZATIONS, {})
        for key, role in organizations.items():
            if key in self.organizations:
                if self.organizations[key] is None:
                    raise RowError(GenericErrorCode.CONFLICT, ImportField.ORGANIZATIONS)
            elif isinstance(key, UUID) or (role != Role.OWNER and key not in earlier):
                raise _unknown_organization(key)
        earlier.update(organizations)


def _unknown_organization(key: str | UUID) -> RowError:
    """Return the error about an organisation; about the role, if the name ends like one."""
    name, _colon, role = str(key).rpartition(":")
    if name and role.isalpha():
        return RowError(ImportErrorCode.ROLE_UNKNOWN, ImportField.ORGANIZATIONS, role)
    return RowError(GenericErrorCode.NOT_FOUND, ImportField.ORGANIZATIONS, str(key))


def _identifiers(row: Row) -> Iterator[Identifier]:
    """Yield what identifies the user of a row."""
    for name in IDENTIFIERS:
        if name in row.values:
            yield Identifier(name, name, row.values[name])
    for pair in row.get(ImportField.EXTERNAL_IDS, {}).items():
        yield Identifier(ImportField.EXTERNAL_IDS, ImportField.EXTERNAL_IDS, pair)
    for email in row.get(ImportField.SECONDARY_EMAILS, ()):
        yield Identifier(ImportField.SECONDARY_EMAILS, ImportField.EMAIL, email)


def _owners(model: Any, column: str, key: str, values: Sequence[str]) -> dict[str, UUID]:
    if not values:
        return {}
    return dict(model.objects.filter(**{f"{column}__in": values}).values_list(column, key))


def _owners_in_sources(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    """Return the users of external ids by source and value; of these pairs at least."""
    if not pairs:
        return {}
    sources, values = zip(*pairs, strict=True)
    found = ExternalId.objects.filter(source__in=set(sources), value__in=values)
    return {(each.source, each.value): each.user_id for each in found}


def _imported(users: set[UUID], user_import: UserImport) -> set[UUID]:
    """Return those of the users whom earlier rows of the file are about."""
    if not users:
        return set()
    events = Event.objects.since(user_import.created_at - SKEW).filter(
        subject_id__in=users, tag__in=IMPORTED, data__user_import=str(user_import.pk)
    )
    return set(events.values_list("subject_id", flat=True))


def _groups(rows: Sequence[Row]) -> dict[str, int]:
    names = {name for row in rows for name in row.get(ImportField.GROUPS, ())}
    if not names:
        return {}
    groups = Group.objects.filter(name__in=names).order_by("pk").select_for_update(no_key=True)
    return dict(groups.values_list("name", "pk"))


def _organizations(rows: Sequence[Row]) -> dict[str | UUID, UUID | None]:
    keys = {key for row in rows for key in row.get(ImportField.ORGANIZATIONS, ())}
    if not keys:
        return {}
    ids = {key for key in keys if isinstance(key, UUID)}
    found: dict[str | UUID, UUID | None] = {}
    organizations = Organization.objects.filter(Q(name__in=keys - ids) | Q(pk__in=ids))
    rows_of_organizations = organizations.order_by("pk").select_for_update(no_key=True)
    for name, key in rows_of_organizations.values_list("name", "pk"):
        found[key] = key
        found[name] = None if name in found else key
    return found
