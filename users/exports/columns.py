"""The columns of exports, and how they are read."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from core.enums import DescribedEnum
from users.accounts.models import EmailAddress, User
from users.organizations.models import Membership


class UserColumn(DescribedEnum):
    """A column of exported users; its value is its name in the file."""

    ID = "id", "The key: a UUID."
    USERNAME = "username", "Username."
    EMAIL = "email", "Primary e-mail address."
    EMAIL_VERIFIED = "email_verified", "Whether the user confirmed the primary address."
    SECONDARY_EMAILS = "secondary_emails", "Secondary e-mail addresses: a JSON list."
    NAME = "name", "Display name."
    GIVEN_NAME = "given_name", "Given name."
    FAMILY_NAME = "family_name", "Family name."
    LOCALE = "locale", "Language."
    TIME_ZONE = "time_zone", "Time zone."
    IS_ACTIVE = "is_active", "False if the account is suspended, deactivated or to be deleted."
    SUSPENDED = "suspended", "Whether the user is suspended."
    IS_STAFF = "is_staff", "Whether the user is staff."
    IS_SUPERUSER = "is_superuser", "Whether the user is an administrator."
    GROUPS = "groups", "Names of the groups: a JSON list."
    ORGANIZATIONS = (
        "organizations",
        "Organisations: a JSON list of objects with `id`, `name` and `role`.",
    )
    EXTERNAL_IDS = (
        "external_ids",
        "Ids in former systems: a JSON list of objects with `source` and `value`.",
    )
    PUBLIC_METADATA = "public_metadata", "Public metadata: a JSON object."
    PRIVATE_METADATA = "private_metadata", "Private metadata: a JSON object."
    CREATED_AT = "created_at", "When the account was created."
    LAST_SEEN_AT = "last_seen_at", "When the user last used the service."


# Of the command only: no API reads hashes.
PASSWORD_HASH: Final = "password_hash"  # noqa: S105 - the name of a column
Row: TypeAlias = dict[str, Any]
# Reads the column of many users, by their keys; of users without a value there is no entry.
BatchColumn: TypeAlias = Callable[[Sequence[UUID]], Mapping[UUID, Any]]

# Columns of the user's row and of those with the same key, in Django's notation.
PATHS: Final[Mapping[str, str]] = {
    UserColumn.ID: "id",
    UserColumn.USERNAME: "username",
    UserColumn.EMAIL: "email",
    UserColumn.EMAIL_VERIFIED: "email_verified_at",
    UserColumn.NAME: "name",
    UserColumn.GIVEN_NAME: "profile__given_name",
    UserColumn.FAMILY_NAME: "profile__family_name",
    UserColumn.LOCALE: "profile__locale",
    UserColumn.TIME_ZONE: "profile__time_zone",
    UserColumn.IS_ACTIVE: "is_active",
    UserColumn.SUSPENDED: "suspension__created_at",
    UserColumn.IS_STAFF: "is_staff",
    UserColumn.IS_SUPERUSER: "is_superuser",
    UserColumn.PUBLIC_METADATA: "metadata__public",
    UserColumn.PRIVATE_METADATA: "metadata__private",
    UserColumn.CREATED_AT: "date_joined",
    UserColumn.LAST_SEEN_AT: "last_seen__at",
    PASSWORD_HASH: "password",
}
# Of a time only whether there is one.
FLAGS: Final = frozenset({UserColumn.EMAIL_VERIFIED, UserColumn.SUSPENDED})
METADATA: Final = frozenset({UserColumn.PUBLIC_METADATA, UserColumn.PRIVATE_METADATA})


def _secondary_emails(user_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    found = EmailAddress.objects.filter(user__in=user_ids).order_by("email")
    return _lists(found.values_list("user_id", "email"))


def _groups(user_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    found = User.groups.through.objects.filter(user__in=user_ids).order_by("group__name")
    return _lists(found.values_list("user_id", "group__name"))


def _organizations(user_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    found = Membership.objects.filter(user__in=user_ids).in_order()
    rows = found.values_list("user_id", "organization_id", "organization__name", "role")
    return _lists(
        (user_id, {"id": str(organization_id), "name": name, "role": role})
        for user_id, organization_id, name, role in rows
    )


def _external_ids(user_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    # By the path from the user, because imports are an app of the same layer.
    found = User.objects.filter(pk__in=user_ids, external_ids__isnull=False)
    rows = found.order_by("external_ids__source").values_list(
        "pk", "external_ids__source", "external_ids__value"
    )
    return _lists((user_id, {"source": source, "value": value}) for user_id, source, value in rows)


BATCHES: Final[Mapping[str, BatchColumn]] = {
    UserColumn.SECONDARY_EMAILS: _secondary_emails,
    UserColumn.GROUPS: _groups,
    UserColumn.ORGANIZATIONS: _organizations,
    UserColumn.EXTERNAL_IDS: _external_ids,
}


def read_rows(users: Any, columns: Sequence[str]) -> list[tuple[UUID, Row]]:
    """Return the keys and the columns of users, in the queryset's order.

    A statement for the users, and one for each column with lists.
    """
    paths = {name: PATHS[name] for name in columns if name in PATHS}
    keys: list[UUID] = []
    found: list[Row] = []
    for key, *values in users.values_list("pk", *paths.values()):
        keys.append(key)
        found.append({name: _value(name, value) for name, value in zip(paths, values, strict=True)})
    lists = {name: BATCHES[name](keys) for name in columns if name in BATCHES}
    return [
        (key, {name: lists[name].get(key, []) if name in lists else row[name] for name in columns})
        for key, row in zip(keys, found, strict=True)
    ]


def _value(name: str, value: Any) -> Any:
    if name in FLAGS:
        return value is not None
    return {} if name in METADATA and value is None else value


def _lists(pairs: Iterable[tuple[UUID, Any]]) -> Mapping[UUID, Any]:
    lists: defaultdict[UUID, list[Any]] = defaultdict(list)
    for user_id, value in pairs:
        lists[user_id].append(value)
    return lists
