"""Validation of imported values, and their canonical form."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson
import pyotp
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone

from core.email.addresses import canonical_email
from core.errors import ErrorCode, GenericErrorCode
from core.ijson import decode_json
from core.names import clean_name
from core.rfc3339 import parse_moment
from core.security.foreign_hashes import CostlyHashError, UnknownHashError, to_stored_hash
from users.accounts.errors import AccountErrorCode
from users.accounts.identifiers import clean_username
from users.accounts.metadata import normalize_metadata, violations
from users.accounts.models import Profile, User
from users.accounts.services.email_addresses import MAX_ADDRESSES
from users.accounts.services.validation import check_time_zone, match_locale
from users.imports.errors import ImportErrorCode, RowError
from users.imports.fields import ImportField, Values
from users.imports.models import EXTERNAL_ID_MAX_LENGTH, ExternalId
from users.imports.readers import Record
from users.organizations.names import clean_organization_name
from users.organizations.roles import Role

# Of TOTP secrets, in characters of base 32.
TOTP_MAX_LENGTH: Final = 128
MAX_NAMES: Final = 100
DIGEST_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
FLAGS: Final = {"true": True, "t": True, "1": True, "yes": True} | {
    "false": False,
    "f": False,
    "0": False,
    "no": False,
}
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CODES: Final[Mapping[ImportField, ErrorCode]] = {
    ImportField.EMAIL: AccountErrorCode.EMAIL_INVALID,
    ImportField.SECONDARY_EMAILS: AccountErrorCode.EMAIL_INVALID,
    ImportField.USERNAME: AccountErrorCode.USERNAME_INVALID,
    ImportField.LOCALE: AccountErrorCode.LOCALE_UNSUPPORTED,
    ImportField.TIME_ZONE: AccountErrorCode.TIME_ZONE_UNKNOWN,
    ImportField.PUBLIC_METADATA: AccountErrorCode.METADATA_INVALID,
    ImportField.PRIVATE_METADATA: AccountErrorCode.METADATA_INVALID,
    ImportField.PASSWORD_HASH: ImportErrorCode.PASSWORD_HASH_UNKNOWN,
}


@dataclass(slots=True)
class Row:
    """A valid row: its line, and the values of its fields, by `ImportField`.

    ``password`` is the hash as it is stored.
    """

    line: int
    values: dict[ImportField, Any] = field(default_factory=dict)
    password: str | None = None
    # Of all values, by which an unchanged row is recognised.
    digest: bytes = b""

    def get(self, name: ImportField, default: Any = None) -> Any:
        """Return the value of a field."""
        return self.values.get(name, default)

    @property
    def display_name(self) -> str | None:
        """The display name, by default of its parts; None if the row has neither."""
        if ImportField.NAME in self.values:
            return str(self.values[ImportField.NAME])
        parts = (self.get(ImportField.GIVEN_NAME), self.get(ImportField.FAMILY_NAME))
        return " ".join(filter(None, parts))[: _max_length(User, "name")] or None

    @property
    def password_digest(self) -> bytes:
        """The digest of the password's hash; empty without one."""
        return digest_of_password(self.password) if self.password else b""


def digest_of_password(stored: str) -> bytes:
    """Return the digest of a stored hash, by which an unchanged password is recognised."""
    return hashlib.sha256(stored.encode()).digest()


def clean(record: Record, source: str) -> Row:
    """Return a valid row of the source. Raises `RowError`."""
    if record.values is None:
        raise RowError(ImportErrorCode.ROW_MALFORMED)
    row = Row(record.line)
    for name, value in record.values.items():
        check = CHECKS.get(name)
        if check is None:
            continue
        try:
            row.values[name] = check(value)
        except ValidationError:
            raise RowError(CODES.get(name, GenericErrorCode.VALUE_INVALID), name) from None
    if ImportField.SECONDARY_EMAILS in row.values:
        others = row.values[ImportField.SECONDARY_EMAILS]
        row.values[ImportField.SECONDARY_EMAILS] = [
            email for email in others if email != row.get(ImportField.EMAIL)
        ]
    _set_external_id(row, source)
    row.password = _password(record.values)
    values = orjson.dumps([row.values, row.password], option=DIGEST_OPTIONS)
    row.digest = hashlib.sha256(values).digest()
    return row


def external_id_of(record: Record) -> str:
    """Return the external id of a row; empty without a valid one."""
    try:
        return _external_id((record.values or {}).get(ImportField.EXTERNAL_ID))
    except ValidationError:
        return ""


def _set_external_id(row: Row, source: str) -> None:
    """Use the id in the import's source as the external id by default."""
    known = row.values.get(ImportField.EXTERNAL_IDS, {})
    if (value := known.pop(source, None)) is not None:
        row.values.setdefault(ImportField.EXTERNAL_ID, value)


def _password(values: Values) -> str | None:
    """Return the password's hash; None without one, or for Django's unusable passwords."""
    text, salt = (
        values.get(name, "") for name in (ImportField.PASSWORD_HASH, ImportField.PASSWORD_SALT)
    )
    if isinstance(text, dict):
        # A credential of Keycloak within JSON Lines.
        try:
            text = orjson.dumps(text).decode()
        except orjson.JSONEncodeError:
            # It may be nested more deeply than is written.
            text = None
    if not isinstance(text, str) or not isinstance(salt, str):
        raise RowError(ImportErrorCode.PASSWORD_HASH_UNKNOWN, ImportField.PASSWORD_HASH)
    if not text or text.startswith(UNUSABLE_PASSWORD_PREFIX):
        return None
    try:
        return to_stored_hash(text, salt=salt)
    except UnknownHashError:
        code = ImportErrorCode.PASSWORD_HASH_UNKNOWN
    except CostlyHashError:
        code = ImportErrorCode.PASSWORD_HASH_TOO_COSTLY
    raise RowError(code, ImportField.PASSWORD_HASH)


def _max_length(model: type[Model], name: str) -> int:
    length = model._meta.get_field(name).max_length  # type: ignore[union-attr]
    return int(length or 0)


def _text_of(value: object, max_length: int, *, min_length: int = 0) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValidationError("not a text")
    text = value.strip()
    if not min_length <= len(text) <= max_length:
        raise ValidationError("too long or too short")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can spell.
        raise ValidationError("not Unicode") from None
    return text


def _name(model: type[Model], name: str) -> Callable[[object], str]:
    length = _max_length(model, name)
    return lambda value: _text_of(clean_name(_text_of(value, length)), length)


def _external_id(value: object) -> str:
    """Return the id as text; in JSON it may be a number."""
    if type(value) is int:
        value = str(value)
    return _text_of(value, EXTERNAL_ID_MAX_LENGTH, min_length=1)


_source: Final = _name(ExternalId, "source")


def _external_ids(value: object) -> dict[str, str]:
    """Return the external ids by source, of a list of objects."""
    ids: dict[str, str] = {}
    for item in _items(value):
        if not isinstance(item, dict):
            raise ValidationError("no object")
        source = _source(item.get("source"))
        if source in ids:
            raise ValidationError("two ids in a source")
        ids[source] = _external_id(item.get("value"))
    return ids


def _email(value: object) -> str:
    return canonical_email(_text_of(value, 1_000))


def _emails(value: object) -> list[str]:
    """Return the different addresses of a list."""
    emails = list(dict.fromkeys(_email(item) for item in _items(value)))
    if len(emails) > MAX_ADDRESSES:
        raise ValidationError("too many")
    return emails


def _username(value: object) -> str:
    return clean_username(_text_of(value, 1_000))


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return FLAGS[str(value).strip().lower()]
    except KeyError:
        raise ValidationError("not a flag") from None


def _moment(value: object) -> dt.datetime:
    """Return a moment in the past, in RFC 3339 or in milliseconds since 1970."""
    try:
        if type(value) is int or (isinstance(value, str) and value.isascii() and value.isdigit()):
            moment = EPOCH + dt.timedelta(milliseconds=int(value))
        else:
            moment = parse_moment(_text_of(value, 40))
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValidationError("not a moment") from None
    if not EPOCH <= moment <= timezone.now():
        raise ValidationError("not in the past")
    return moment


def _locale(value: object) -> str:
    return match_locale(_text_of(value, 40))


def _time_zone(value: object) -> str:
    text = _text_of(value, 64)
    check_time_zone(text)
    return text


def _totp_secret(value: object) -> str:
    text = _text_of(value, 2 * TOTP_MAX_LENGTH)
    secret = text.replace(" ", "").replace("-", "").upper().rstrip("=")
    if len(secret) > TOTP_MAX_LENGTH:
        raise ValidationError("too long")
    try:
        # Requires 112 bits (NIST SP 800-63B-4, section 3.1.4.1).
        pyotp.TOTP(secret).byte_secret()
    except ValueError:
        raise ValidationError("not base 32, or too short") from None
    return secret


def _metadata(kind: str) -> Callable[[object], dict[str, Any]]:
    def check(value: object) -> dict[str, Any]:
        if isinstance(value, str):
            try:
                value = decode_json(value)
            except ValueError:
                raise ValidationError("not JSON") from None
        if not isinstance(value, dict):
            raise ValidationError("not an object")
        result: dict[str, Any] = normalize_metadata(value)
        if any(True for _violation in violations(result, kind=kind)):
            raise ValidationError("against the schema")
        return result

    return check


def _names(value: object) -> list[str]:
    """Return the different names of a list."""
    names = [clean_name(_text_of(item, 200)) for item in _items(value)]
    return list(dict.fromkeys(filter(None, names)))


def _items(value: object) -> list[Any]:
    """Return the items of a JSON array, or of a text with semicolons."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = decode_json(value)
        except ValueError:
            raise ValidationError("not JSON") from None
    items = value.split(";") if isinstance(value, str) else value
    if not isinstance(items, list) or len(items) > MAX_NAMES:
        raise ValidationError("not a list, or too long")
    return items


def _organizations(value: object) -> dict[str | UUID, str]:
    """Return the roles by the organisation's name, or its id."""
    roles: dict[str | UUID, str] = {}
    for key, role in _memberships(value):
        roles[key if isinstance(key, UUID) else clean_organization_name(key)] = role
    return roles


def _memberships(value: object) -> Iterator[tuple[str | UUID, str]]:
    """Yield names or ids, and roles, of a list of objects or of texts."""
    items = _items(value)
    for item in items:
        if isinstance(item, dict):
            role = clean_name(_text_of(item.get("role"), 200)).lower()
            if role not in Role.values:
                raise RowError(ImportErrorCode.ROLE_UNKNOWN, ImportField.ORGANIZATIONS, role)
            yield _organization_key(item), role
            continue
        text = _text_of(item, 200)
        name, _colon, role = text.rpartition(":")
        if role.strip().lower() not in Role.values or not name:
            name, role = text, Role.MEMBER
        if name:
            yield name, role.strip().lower()


def _organization_key(item: Mapping[str, Any]) -> str | UUID:
    """Return the id of an object, or the name if it has none."""
    if item.get("id") is None:
        return _text_of(item.get("name"), 200)
    try:
        return UUID(_text_of(item["id"], 40))
    except ValueError:
        raise ValidationError("no id of an organisation") from None


CHECKS: Final[Mapping[ImportField, Callable[[Any], Any]]] = {
    ImportField.EXTERNAL_ID: _external_id,
    ImportField.EXTERNAL_IDS: _external_ids,
    ImportField.EMAIL: _email,
    ImportField.EMAIL_VERIFIED: _flag,
    ImportField.SECONDARY_EMAILS: _emails,
    ImportField.USERNAME: _username,
    ImportField.NAME: _name(User, "name"),
    ImportField.GIVEN_NAME: _name(Profile, "given_name"),
    ImportField.FAMILY_NAME: _name(Profile, "family_name"),
    ImportField.LOCALE: _locale,
    ImportField.TIME_ZONE: _time_zone,
    ImportField.TOTP_SECRET: _totp_secret,
    ImportField.SUSPENDED: _flag,
    ImportField.CREATED_AT: _moment,
    ImportField.PUBLIC_METADATA: _metadata("public"),
    ImportField.PRIVATE_METADATA: _metadata("private"),
    ImportField.GROUPS: _names,
    ImportField.ORGANIZATIONS: _organizations,
}
