"""Personal data in accounts and profiles."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from users.accounts.avatars import storage
from users.accounts.avatars.images import AvatarSize
from users.accounts.models import (
    PROFILE_FIELDS,
    EmailAddition,
    EmailAddress,
    EmailChange,
    EmailReversal,
    Invitation,
    LastSeen,
    Metadata,
    Profile,
    SignUp,
    User,
)
from users.accounts.services.create_user import unused_email, unused_username
from users.accounts.throttling import user_buckets
from users.activity.models import Event
from users.activity.personal_data_registry import (
    DataSubject,
    DeleteRows,
    PersonalTable,
    ReplaceValues,
    Row,
    defaults_of,
    register_address_source,
    register_buckets,
    register_eraser,
    register_tables,
)
from users.activity.tags import Tag

OWN: Final = "the user's id"
NUMBER: Final = "an internal key"
LINK: Final = "the secret of a mailed link"


def by_address(subject: DataSubject) -> list[Q]:
    """Return the condition on rows with one of the subject's addresses."""
    return [Q(email__in=sorted(subject.emails))] if subject.emails else []


def by_id(subject: DataSubject) -> list[Q]:
    """Return the condition on rows with the subject's id."""
    return [Q(user=subject.id)]


@register_address_source
def _address_of_account(user_id: UUID) -> Iterator[tuple[str, bool]]:
    for email, verified_at in User.objects.filter(pk=user_id).values_list(
        "email", "email_verified_at"
    ):
        yield email, verified_at is not None


@register_address_source
def _secondary_addresses(user_id: UUID) -> Iterator[tuple[str, bool]]:
    for email in EmailAddress.objects.filter(user=user_id).values_list("email", flat=True):
        yield email, True


def _with_avatar_url(row: Row, _subject: DataSubject) -> Row:
    """Replace the avatar's key by its URL."""
    key = row["avatar"]
    return row | {"avatar": storage.avatar_url(key, AvatarSize.LARGE) if key else ""}


def _delete_avatar_files(profiles: QuerySet[Profile]) -> None:
    for key in profiles.exclude(avatar="").values_list("avatar", flat=True):
        storage.delete_files_of(key)


@register_eraser
def _delete_pending_avatar_files(subject: DataSubject) -> None:
    """Delete the files of replaced avatars, whose outbox messages erasure drops."""
    changes = Event.objects.filter(
        subject_id=subject.id, tag__in=(Tag.AVATAR_CHANGED, Tag.AVATAR_REMOVED)
    )
    for key in changes.values_list("data__former", flat=True):
        if key:
            storage.delete_files_of(key)


register_buckets(lambda subject: user_buckets(subject.id, subject.emails))

register_tables(
    PersonalTable(
        model=SignUp,
        row_conditions=by_address,
        exported=("email", "username", "name", "locale", "expires_at"),
        not_exported={"id": NUMBER, "nonce": LINK, "password": "a salted hash"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Invitation,
        row_conditions=by_address,
        exported=("email", "name", "locale", "expires_at"),
        not_exported={"id": NUMBER, "nonce": LINK},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=EmailChange,
        row_conditions=lambda subject: [*by_id(subject), *by_address(subject)],
        exported=("email", "expires_at"),
        not_exported={"id": NUMBER, "nonce": LINK, "user": OWN},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=EmailReversal,
        row_conditions=lambda subject: [*by_id(subject), *by_address(subject)],
        exported=("email", "changed_at", "expires_at"),
        not_exported={"id": NUMBER, "nonce": LINK, "user": OWN},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=EmailAddition,
        row_conditions=lambda subject: [*by_id(subject), *by_address(subject)],
        exported=("email", "expires_at"),
        not_exported={"id": NUMBER, "nonce": LINK, "user": OWN},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=EmailAddress,
        row_conditions=by_id,
        exported=("email", "verified_at", "undeliverable_at"),
        not_exported={"id": NUMBER, "user": OWN},
        erasure=DeleteRows(),
        holds_email_addresses=True,
    ),
    PersonalTable(
        model=Metadata,
        row_conditions=by_id,
        exported=("public", "private"),
        not_exported={"user": OWN},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=User.groups.through,
        row_conditions=by_id,
        exported=("group__name",),
        not_exported={"id": NUMBER, "user": OWN, "group": "exported by name"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=User.user_permissions.through,
        row_conditions=by_id,
        exported=("permission__codename", "permission__name"),
        not_exported={"id": NUMBER, "user": OWN, "permission": "exported by name"},
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Profile,
        row_conditions=by_id,
        exported=(*PROFILE_FIELDS, "avatar"),
        not_exported={"user": OWN},
        export_row=_with_avatar_url,
        delete_files=_delete_avatar_files,
        erasure=ReplaceValues(
            defaults_of(Profile, *PROFILE_FIELDS, "avatar"), retained={"user": "as in the account"}
        ),
    ),
    PersonalTable(
        model=LastSeen,
        row_conditions=by_id,
        exported=("at",),
        not_exported={"user": OWN},
        erasure=ReplaceValues({"at": None}, retained={"user": "as in the account"}),
    ),
    PersonalTable(
        model=User,
        row_conditions=lambda subject: [Q(pk=subject.id)],
        exported=(
            *("id", "username", "email", "email_verified_at", "email_undeliverable_at"),
            *("name", "date_joined"),
            *("is_active", "is_staff", "is_superuser", "is_public", "second_factors"),
        ),
        not_exported={
            "password": "a salted hash",
            "is_service": "always false for users who can request an export",
            "search_text": "derived from the names",
            "private_search_text": "derived from the names and the address",
            "erased_at": "always empty before the erasure",
        },
        erasure=ReplaceValues(
            {
                "username": unused_username,
                "email": unused_email,
                "email_verified_at": None,
                "email_undeliverable_at": None,
                "name": "",
                "password": lambda: make_password(None),
                "is_active": False,
                "is_staff": False,
                "is_superuser": False,
                "is_public": False,
                # A constraint requires the service domain of service accounts' addresses.
                "is_service": False,
                "second_factors": [],
                "erased_at": Now(),
            },
            retained={
                "id": "a random key, to which the events refer",
                "date_joined": "when the account was created, which the events retain as well",
                "search_text": "generated by PostgreSQL from the other columns",
                "private_search_text": "generated by PostgreSQL from the other columns",
            },
        ),
    ),
)
