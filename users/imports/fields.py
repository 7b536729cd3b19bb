"""The fields of an imported user."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Final

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.enums import DescribedEnum
from users.imports.errors import columns_error
from users.jobs.spreadsheets import MARK_COLUMN

MAX_COLUMNS: Final = 100
# Columns of exports that imports do not set, without case, underscores and hyphens.
READ_ONLY: Final = frozenset({"id", "isactive", "isstaff", "issuperuser", "lastseenat"})
# Unknown columns that an error names.
MAX_NAMED: Final = 10


class ImportFormat(TextChoices):
    """The format of a file of users."""

    CSV = "csv", gettext_lazy("CSV")
    JSON_LINES = "jsonl", gettext_lazy("JSON Lines")


class ImportMode(TextChoices):
    """What happens to rows about existing users."""

    CREATE = "create", gettext_lazy("create")
    UPSERT = "upsert", gettext_lazy("create or change")


class ImportField(DescribedEnum):
    """A field of an imported user, by its column's default name."""

    EXTERNAL_ID = "external_id", "Id of the user in the former system, unique in the source."
    EXTERNAL_IDS = (
        "external_ids",
        "Ids in several systems: objects with `source` and `value`, as in exports.",
    )
    EMAIL = "email", "Primary e-mail address. Required for new users."
    EMAIL_VERIFIED = "email_verified", "Whether the address is verified; by default it is not."
    SECONDARY_EMAILS = "secondary_emails", "Other verified addresses, as `groups`; at most ten."
    USERNAME = "username", "Username. By default one is derived from the address."
    NAME = "name", "Display name. By default the given and the family name."
    GIVEN_NAME = "given_name", "Given name."
    FAMILY_NAME = "family_name", "Family name."
    LOCALE = "locale", "Language."
    TIME_ZONE = "time_zone", "Time zone, by its name in the IANA database."
    PASSWORD_HASH = "password_hash", "Hash of the password; users without one have to reset it."
    PASSWORD_SALT = "password_salt", "Salt of the hash, for Firebase."
    TOTP_SECRET = "totp_secret", "Secret of the authenticator app, in base 32 (RFC 4648)."
    SUSPENDED = "suspended", "Whether the user is suspended; by default they are not."
    CREATED_AT = "created_at", "When the account was created, with an offset. By default now."
    PUBLIC_METADATA = "public_metadata", "Public metadata, a JSON object."
    PRIVATE_METADATA = "private_metadata", "Private metadata, a JSON object."
    GROUPS = "groups", "Names of groups, as a JSON array, or separated by semicolons."
    ORGANIZATIONS = (
        "organizations",
        "Organisations: names as in `groups`, with a colon and a role, or objects as in exports.",
    )


FIELDS: Final[Mapping[str, ImportField]] = {field.value: field for field in ImportField}
# Columns are matched without case, underscores and hyphens.
_BY_NAME: Final = {field.value.replace("_", ""): field for field in ImportField}


def map_columns(
    columns: Sequence[str], mapping: Mapping[str, str] | None
) -> list[ImportField | None]:
    """Return the field of each column, None for columns that the mapping omits.

    Without a mapping all columns must have the names of fields, or be of exports only. Raises
    `InputRejectedError`.
    """
    if len(columns) > MAX_COLUMNS:
        raise columns_error(_("Use at most %(max)d columns.") % {"max": MAX_COLUMNS})
    fields: list[ImportField | None]
    if mapping is None:
        named = iter(fields_named([column for column in columns if column != MARK_COLUMN]))
        fields = [None if column == MARK_COLUMN else next(named) for column in columns]
    else:
        check_columns(mapping, columns)
        fields = [FIELDS[mapping[column]] if column in mapping else None for column in columns]
    if len(set(columns)) < len(columns):
        raise columns_error(_("Two columns have the same name."))
    _check_fields(fields)
    return fields


def check_mapping(mapping: Mapping[str, str] | None) -> None:
    """Raise `InputRejectedError` unless the fields of a mapping may be used together."""
    if mapping is not None:
        _check_fields([FIELDS[field] for field in mapping.values()])


def check_columns(mapping: Mapping[str, str] | None, columns: Container[str]) -> None:
    """Raise `InputRejectedError` unless the file has all columns of a mapping."""
    missing = [column for column in mapping or () if column not in columns]
    if missing:
        raise columns_error(
            _("The file has no such column: %(column)s.") % {"column": missing[0][:100]}
        )


def parse_mapping(pairs: Iterable[str]) -> list[tuple[str, str]] | None:
    """Return a mapping from texts such as ``Mail=email``; None without any.

    Raises `InputRejectedError` for a name that is no field's.
    """
    mapping = []
    for pair in pairs:
        column, _sign, field = (part.strip() for part in pair.rpartition("="))
        if field not in FIELDS:
            raise columns_error(
                _("No field has this name: %(columns)s. Give column=field, with one of %(fields)s.")
                % {"columns": field[:100], "fields": ", ".join(FIELDS)},
                "mapping",
            )
        mapping.append((column, field))
    return mapping or None


def _check_fields(fields: Sequence[ImportField | None]) -> None:
    """Raise `InputRejectedError` for repeated fields, and unless one identifies users."""
    used = [field for field in fields if field is not None]
    if len(set(used)) < len(used):
        raise columns_error(_("Two columns are for the same field."))
    if not {ImportField.EMAIL, ImportField.EXTERNAL_ID}.intersection(used):
        raise columns_error(_("One column must have the e-mail address or the external id."))


def fields_named(columns: Sequence[str]) -> list[ImportField | None]:
    """Return the fields of these names, None for those of `READ_ONLY`.

    Raises `InputRejectedError` with the unknown ones.
    """
    fields, unknown = [], []
    for column in columns:
        name = column.replace("_", "").replace("-", "").casefold()
        fields.append(_BY_NAME.get(name))
        if name not in _BY_NAME and name not in READ_ONLY:
            unknown.append(column[:100])
    if unknown:
        raise columns_error(
            _("No field has this name: %(columns)s. Rename the column, or use a mapping.")
            % {"columns": ", ".join(unknown[:MAX_NAMED])}
        )
    return fields


Values = Mapping[ImportField, Any]
