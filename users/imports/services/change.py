"""Changes of an existing user by an import, in the caller's transaction."""

from typing import Any, Final

from django.utils import timezone

from core.errors import GenericErrorCode
from core.security.actor import Actor
from users.accounts.models import EmailAddress, Metadata, Profile, User
from users.accounts.services.email_addresses import MAX_ADDRESSES
from users.accounts.services.mailed_links import end_address_links_of
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.factors.one_time_codes import seal_secret
from users.authentication.models import Suspension, Totp
from users.authentication.services.end_sessions import end_links_of, end_sessions_of
from users.authentication.services.factors import update_factor_kinds
from users.authentication.services.suspension import begin_suspension, end_suspension
from users.imports.errors import ImportErrorCode, RowError
from users.imports.fields import ImportField
from users.imports.models import ExternalId, UserImport
from users.imports.services.clean import Row
from users.imports.services.create import SUSPENSION_REASON, add_members
from users.imports.services.directory import Directory
from users.imports.services.ownership import may_change_password

PROFILE: Final = {
    ImportField.GIVEN_NAME: "given_name",
    ImportField.FAMILY_NAME: "family_name",
    ImportField.LOCALE: "locale",
    ImportField.TIME_ZONE: "time_zone",
}
ADDRESS: Final = ("email", "email_verified_at", "email_undeliverable_at")
# What rows are compared with, read for all users of a batch at once.
COMPARED: Final = ("profile", "metadata", "suspension", "groups", "memberships")
METADATA: Final = {
    ImportField.PUBLIC_METADATA: "public",
    ImportField.PRIVATE_METADATA: "private",
}


def change_user(
    row: Row, user: User | None, directory: Directory, user_import: UserImport, *, actor: Actor
) -> bool:
    """Change a user as the row says; return whether anything changed.

    The user is locked, with `COMPARED`, unless the row is the same as the last time. Values that
    the row lacks are kept; groups and organisations are added only. Addresses and the username
    change only if an import of the source created the user, as does the authenticator app; the
    password only as `may_change_password` says, and if it changed in the source. Raises `RowError`
    for users whom imports may not change, and for organisations without an owner.
    """
    if user is None:
        # Deleted since the directory was read.
        raise RowError(GenericErrorCode.CONFLICT)
    if user.is_staff or user.is_superuser or user.is_service or user.erased_at:
        raise RowError(ImportErrorCode.USER_PROTECTED)
    if directory.is_unchanged(row, user.pk):
        return False
    directory.begin_writing(row)
    external_id = directory.external_ids.get(user.pk)
    change = _Change(row, user, external_id, actor=actor)
    change.account()
    change.profile()
    change.metadata()
    change.password()
    if change.is_origin:
        change.credentials()
    change.suspension()
    change.groups(directory)
    change.external_ids(directory, user_import)
    if _remember(row, user, directory, user_import):
        change.fields.add("external_ids")
    personal = {"old": change.old, "new": change.new} if change.old else {}
    if change.fields:
        record(
            Tag.IMPORTED_USER_CHANGED,
            actor=actor,
            subject_id=user.pk,
            personal=personal,
            fields=sorted(change.fields),
        )
    is_member = change.memberships(directory)
    return bool(change.fields) or is_member


class _Change:
    """The changes of one user, which are written as they are found."""

    def __init__(
        self, row: Row, user: User, external_id: ExternalId | None, *, actor: Actor
    ) -> None:
        """Start without changes."""
        self.row = row
        self.user = user
        self.external_id = external_id
        self.actor = actor
        # The changed fields, and the identifiers before and after.
        self.fields: set[str] = set()
        self.old: dict[str, str] = {}
        self.new: dict[str, str] = {}

    @property
    def is_origin(self) -> bool:
        """Whether an import of the source created the user, so that it may change identifiers."""
        return self.external_id is not None and self.external_id.is_origin

    def account(self) -> None:
        """Change the username, the primary address and its verification, and the name."""
        row, user = self.row, self.user
        columns = {"username", *ADDRESS, "name"}
        before = {name: getattr(user, name) for name in columns}
        secondary = None
        if self.is_origin:
            user.username = row.get(ImportField.USERNAME, user.username)
            secondary = self._primary_address()
        is_verified = row.get(ImportField.EMAIL_VERIFIED, False)
        # Of the row's address, which may be another one of the user's.
        if (
            is_verified
            and user.email_verified_at is None
            and row.get(ImportField.EMAIL) == user.email
        ):
            user.email_verified_at = timezone.now()
        user.name = row.display_name or user.name
        changed = [name for name in columns if getattr(user, name) != before[name]]
        if changed:
            user.save(update_fields=changed)
        if secondary is not None:
            secondary.save(force_insert=True)
        for name in {"username", "email"}.intersection(changed):
            self.old[name], self.new[name] = before[name], getattr(user, name)
        self.fields.update(changed)

    def _primary_address(self) -> EmailAddress | None:
        """Set the primary address; return the former one, if it becomes a secondary one.

        A secondary address changes places with the primary one, and so stays verified. An
        unverified primary address could not be a secondary one, so it stays.
        """
        user = self.user
        email = self.row.get(ImportField.EMAIL, user.email)
        if email == user.email:
            return None
        address = user.email_addresses.filter(email=email).first()
        if address is None:
            user.set_email(email, verified_at=None)
            end_address_links_of(user.pk)
            return None
        if user.email_verified_at is None:
            return None
        former = EmailAddress(
            user=user,
            email=user.email,
            verified_at=user.email_verified_at,
            undeliverable_at=user.email_undeliverable_at,
        )
        user.set_email(
            email, verified_at=address.verified_at, undeliverable_at=address.undeliverable_at
        )
        address.delete()
        return former

    def profile(self) -> None:
        """Change the profile."""
        values = {
            column: self.row.values[name]
            for name, column in PROFILE.items()
            if name in self.row.values
        }
        self._update(self.user.profile, values)

    def metadata(self) -> None:
        """Replace the metadata that the row has."""
        values = {
            column: self.row.values[name]
            for name, column in METADATA.items()
            if name in self.row.values
        }
        if values:
            metadata = getattr(self.user, "metadata", None)
            if metadata is None:
                metadata, _is_new = Metadata.objects.get_or_create(user=self.user)
            self._update(metadata, values)

    def password(self) -> None:
        """Change the password, and end the sessions, if the source has another and may."""
        user, external_id, password = self.user, self.external_id, self.row.password
        known = bytes(external_id.password_digest) if external_id else b""
        if not password or self.row.password_digest == known:
            return
        if may_change_password(user, external_id):
            user.password = password
            user.save(update_fields=["password"])
            self.fields.add("password")
            self._end_sessions()

    def credentials(self) -> None:
        """Add verified addresses, and an authenticator app if there is none.

        A new app ends the sessions, as a new password does.
        """
        row, user = self.row, self.user
        emails = row.get(ImportField.SECONDARY_EMAILS, ())
        known_emails = (
            set(user.email_addresses.values_list("email", flat=True)) if emails else set()
        )
        new = [email for email in emails if email not in known_emails and email != user.email][
            : MAX_ADDRESSES - len(known_emails)
        ]
        if new:
            now = timezone.now()
            EmailAddress.objects.bulk_create(
                EmailAddress(user=user, email=email, verified_at=now) for email in new
            )
            self.fields.add("email_addresses")
        secret = row.get(ImportField.TOTP_SECRET)
        if secret and not Totp.objects.filter(user=user).exists():
            now = timezone.now()
            Totp.objects.create(
                user=user, secret=seal_secret(secret, user.pk), begun_at=now, confirmed_at=now
            )
            update_factor_kinds(user)
            self.fields.add("second_factors")
            self._end_sessions()

    def suspension(self) -> None:
        """Suspend the user, or lift the suspension of an import."""
        user, is_suspended = self.user, self.row.get(ImportField.SUSPENDED)
        if is_suspended is None:
            return
        suspension: Suspension | None = getattr(user, "suspension", None)
        if is_suspended and suspension is None:
            begin_suspension(user, actor=self.actor, reason=SUSPENSION_REASON)
            self.fields.add("suspended")
        elif not is_suspended and suspension and suspension.reason == SUSPENSION_REASON:
            end_suspension(user, actor=self.actor)
            self.fields.add("suspended")

    def groups(self, directory: Directory) -> None:
        """Add the user to the groups of the row."""
        keys = {directory.groups[name] for name in self.row.get(ImportField.GROUPS, ())}
        new = keys.difference(group.pk for group in self.user.groups.all())
        if new:
            self.user.groups.add(*new)
            self.fields.add("groups")

    def external_ids(self, directory: Directory, user_import: UserImport) -> None:
        """Add the ids in other systems than the source."""
        new = [
            ExternalId(
                user=self.user,
                source=source,
                value=value,
                is_origin=False,
                digest=b"",
                password_digest=b"",
                last_import_id=user_import.pk,
            )
            for source, value in self.row.get(ImportField.EXTERNAL_IDS, {}).items()
            if (self.user.pk, source) not in directory.other_ids
        ]
        if new:
            ExternalId.objects.bulk_create(new)
            self.fields.add("external_ids")

    def memberships(self, directory: Directory) -> bool:
        """Add the user to the organisations of the row; return whether there are new ones."""
        own = {membership.organization_id for membership in self.user.memberships.all()}
        new = {
            key: role
            for key, role in self.row.get(ImportField.ORGANIZATIONS, {}).items()
            if directory.organizations.get(key) not in own
        }
        row = Row(self.row.line, {ImportField.ORGANIZATIONS: new})
        return bool(add_members([(self.user.pk, row)], directory, actor=self.actor))

    def _end_sessions(self) -> None:
        end_links_of(self.user.pk)
        end_sessions_of(self.user.pk, actor=self.actor)

    def _update(self, instance: Profile | Metadata, values: dict[str, Any]) -> None:
        """Write the values that differ."""
        changed = [name for name, value in values.items() if getattr(instance, name) != value]
        if changed:
            for name in changed:
                setattr(instance, name, values[name])
            instance.save(update_fields=changed)
            self.fields.update(changed)


def _remember(row: Row, user: User, directory: Directory, user_import: UserImport) -> bool:
    """Store the digests of the row; return whether its external id is new.

    Those of an existing id are written with the batch.
    """
    value = row.get(ImportField.EXTERNAL_ID)
    if value is None:
        return False
    external_id = directory.external_ids.get(user.pk)
    is_new = external_id is None
    if external_id is None:
        ExternalId.objects.create(
            user=user,
            source=user_import.source,
            value=value,
            is_origin=False,
            last_import_id=user_import.pk,
            digest=row.digest,
            password_digest=row.password_digest,
        )
    else:
        external_id.digest, external_id.password_digest = row.digest, row.password_digest
        directory.changed_ids.append(external_id)
    return is_new
