"""What to do about a skipped row, by its code and its field."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import GenericErrorCode
from users.accounts.errors import AccountErrorCode
from users.imports.errors import ImportErrorCode
from users.imports.fields import ImportField
from users.organizations.roles import Role

_FLAG: Final = _("Write true or false.")
_NAMES: Final = _("Write at most 100 names, as a JSON array or separated by semicolons.")

# The texts of single fields.
_OF_FIELDS: Final[Mapping[tuple[str, str], Promise]] = {
    (AccountErrorCode.EMAIL_INVALID, ImportField.SECONDARY_EMAILS): _(
        "Write at most ten valid addresses, as a JSON array or separated by semicolons."
    ),
    (GenericErrorCode.VALUE_INVALID, ImportField.EXTERNAL_ID): _(
        "Write an id of 1 to 200 characters."
    ),
    (GenericErrorCode.VALUE_INVALID, ImportField.EXTERNAL_IDS): _(
        "Write a JSON array of objects with a source and a value, each source once."
    ),
    (GenericErrorCode.VALUE_INVALID, ImportField.EMAIL_VERIFIED): _FLAG,
    (GenericErrorCode.VALUE_INVALID, ImportField.SUSPENDED): _FLAG,
    (GenericErrorCode.VALUE_INVALID, ImportField.CREATED_AT): _(
        "Write a time in the past with an offset, such as 2026-01-31T12:00:00+01:00."
    ),
    (GenericErrorCode.VALUE_INVALID, ImportField.TOTP_SECRET): _(
        "Write the secret in base 32, with at least 112 bits."
    ),
    (GenericErrorCode.VALUE_INVALID, ImportField.GROUPS): _NAMES,
    (GenericErrorCode.VALUE_INVALID, ImportField.ORGANIZATIONS): _(
        "Write names with roles, such as Acme:owner;Globex, or the objects of an export."
    ),
    (GenericErrorCode.NOT_FOUND, ImportField.GROUPS): _(
        "A group of this name does not exist. Create it, or correct the name."
    ),
    (GenericErrorCode.NOT_FOUND, ImportField.ORGANIZATIONS): _(
        "The organisation does not exist. Create it, list a row with its owner first, or leave out "
        "an id to go by the name."
    ),
    (GenericErrorCode.CONFLICT, ImportField.ORGANIZATIONS): _(
        "Several organisations have this name. Give the id, as exports do."
    ),
}
# The texts that name a value of the row.
_OF_VALUES: Final[Mapping[tuple[str, str], Promise]] = {
    (GenericErrorCode.NOT_FOUND, ImportField.GROUPS): _(
        "The group “%(value)s” does not exist. Create it, or correct the name."
    ),
    (GenericErrorCode.NOT_FOUND, ImportField.ORGANIZATIONS): _(
        "The organisation “%(value)s” does not exist. Create it, list a row with its owner first, "
        "or leave out an id to go by the name."
    ),
    (ImportErrorCode.ROLE_UNKNOWN, ImportField.ORGANIZATIONS): _(
        "“%(value)s” is not a role. Write %(roles)s, or the name of an organisation that exists."
    ),
}
_OF_CODES: Final[Mapping[str, Promise]] = {
    AccountErrorCode.EMAIL_INVALID: _("Write a valid e-mail address. New users require one."),
    AccountErrorCode.EMAIL_TAKEN: _(
        "Another user has this address. Remove it, or change users by the mode UPSERT."
    ),
    AccountErrorCode.USERNAME_INVALID: _(
        "Write a valid username, or none; one is then derived from the address."
    ),
    AccountErrorCode.USERNAME_TAKEN: _(
        "Another user has this username. Write another one, or none."
    ),
    AccountErrorCode.LOCALE_UNSUPPORTED: _("Write a language tag, such as en or de-AT."),
    AccountErrorCode.TIME_ZONE_UNKNOWN: _("Write a time zone such as Europe/Vienna."),
    AccountErrorCode.METADATA_INVALID: _(
        "Write a JSON object that fits the schema of the metadata, no key twice."
    ),
    ImportErrorCode.ROW_MALFORMED: _(
        "Write as many cells as the header has, or a JSON object without repeated keys."
    ),
    ImportErrorCode.ROW_REPEATED: _(
        "An earlier row is about the same user. Merge them, or correct the identifier."
    ),
    ImportErrorCode.EXTERNAL_ID_TAKEN: _(
        "Another user has this id, or the user has another one. Correct the id or the address."
    ),
    ImportErrorCode.ROLE_UNKNOWN: _("Write the role in the organisation."),
    ImportErrorCode.PASSWORD_HASH_UNKNOWN: _(
        "No supported format of hashes. Leave it out; the user then resets the password."
    ),
    ImportErrorCode.PASSWORD_HASH_TOO_COSTLY: _(
        "Verifying this hash would take too long. Leave it out; the user then resets the password."
    ),
    ImportErrorCode.USER_PROTECTED: _(
        "Imports do not change staff, service accounts and deleted accounts. Change this one here."
    ),
    GenericErrorCode.VALUE_INVALID: _(
        "Write a text without control characters, and shorten it if it is long."
    ),
    GenericErrorCode.NOT_FOUND: _("This does not exist. Create it, or correct the row."),
    GenericErrorCode.CONFLICT: _(
        "Another change of the same values came between. Import the row again."
    ),
}


def row_message(code: str, field: str, value: str = "") -> str:
    """Return what to do about a skipped row, in the current language."""
    if value and (text := _OF_VALUES.get((code, field))):
        return str(text) % {"value": value, "roles": ", ".join(Role.values)}
    message = _OF_FIELDS.get((code, field)) or _OF_CODES.get(code)
    # A worker of another release may have stored a code that is unknown here.
    return str(message or _("Correct the row."))
