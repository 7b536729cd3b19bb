"""What accounts and profiles hold about people."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from core.ratelimit.limits import forget
from users.accounts import avatars
from users.accounts.models import (
    PROFILE_FIELDS,
    EmailAddition,
    EmailAddress,
    EmailChange,
    Invitation,
    LastSeen,
    Metadata,
    Profile,
    SignUp,
    User,
)
from users.accounts.pictures import AvatarSize
from users.accounts.services.creation import unused_email, unused_username
from users.accounts.throttling import buckets_of
from users.activity.models import Event
from users.activity.personal import (
    Person,
    PersonalTable,
    Removed,
    Replaced,
    Row,
    also_erases,
    declare,
    defaults_of,
    knows_addresses,
)
from users.activity.tags import Tag

OWN: Final = "the person's own id"
NUMBER: Final = "a number that means nothing elsewhere"
LINK: Final = "opens the mailed link"


def by_address(person: Person) -> list[Q]:
    """Find rows that have one of the person's addresses."""
    return [Q(email__in=sorted(person.emails))] if person.emails else []


def by_id(person: Person) -> list[Q]:
    """Find rows that belong to the person."""
    return [Q(user=person.id)]


@knows_addresses
def _address_of_account(user_id: UUID) -> Iterator[tuple[str, bool]]:
    for email, verified_at in User.objects.filter(pk=user_id).values_list(
        "email", "email_verified_at"
    ):
        yield email, verified_at is not None


@knows_addresses
def _further_addresses(user_id: UUID) -> Iterator[tuple[str, bool]]:
    for email in EmailAddress.objects.filter(user=user_id).values_list("email", flat=True):
        yield email, True


def _with_picture(row: Row, _person: Person) -> Row:
    """Tell where the picture is to be had."""
    key = row["avatar"]
    return row | {"avatar": avatars.url_of(key, AvatarSize.LARGE) if key else ""}


def _drop_pictures(profiles: QuerySet[Profile]) -> None:
    for key in profiles.exclude(avatar="").values_list("avatar", flat=True):
        avatars.drop(key)


@also_erases
def _drop_former_pictures(person: Person) -> None:
    """Remove the files that a worker has not come to yet: the message about them is dropped."""
    changes = Event.objects.filter(
        subject_id=person.id, tag__in=(Tag.AVATAR_CHANGED, Tag.AVATAR_REMOVED)
    )
    for key in changes.values_list("data__former", flat=True):
        if key:
            avatars.drop(key)


@also_erases
def _forget_attempts(person: Person) -> None:
    forget(*buckets_of(person.id, person.emails))


declare(
    PersonalTable(
        model=SignUp,
        ways=by_address,
        told=("email", "username", "locale", "expires_at"),
        withheld={"id": NUMBER, "nonce": LINK, "password": "a hash that tells nothing"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=Invitation,
        ways=by_address,
        told=("email", "name", "locale", "expires_at"),
        withheld={"id": NUMBER, "nonce": LINK},
        erasure=Removed(),
    ),
    PersonalTable(
        model=EmailChange,
        ways=lambda person: [*by_id(person), *by_address(person)],
        told=("email", "expires_at"),
        withheld={"id": NUMBER, "nonce": LINK, "user": OWN},
        erasure=Removed(),
    ),
    PersonalTable(
        model=EmailAddition,
        ways=lambda person: [*by_id(person), *by_address(person)],
        told=("email", "expires_at"),
        withheld={"id": NUMBER, "nonce": LINK, "user": OWN},
        erasure=Removed(),
    ),
    PersonalTable(
        model=EmailAddress,
        ways=by_id,
        told=("email", "verified_at", "undeliverable_at"),
        withheld={"id": NUMBER, "user": OWN},
        erasure=Removed(),
        has_addresses=True,
    ),
    PersonalTable(
        model=Metadata,
        ways=by_id,
        told=("public", "private"),
        withheld={"user": OWN},
        erasure=Removed(),
    ),
    PersonalTable(
        model=User.groups.through,
        ways=by_id,
        told=("group__name",),
        withheld={"id": NUMBER, "user": OWN, "group": "told by its name"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=User.user_permissions.through,
        ways=by_id,
        told=("permission__codename", "permission__name"),
        withheld={"id": NUMBER, "user": OWN, "permission": "told by its name"},
        erasure=Removed(),
    ),
    PersonalTable(
        model=Profile,
        ways=by_id,
        told=(*PROFILE_FIELDS, "avatar"),
        withheld={"user": OWN},
        tell=_with_picture,
        drop_files=_drop_pictures,
        erasure=Replaced(
            defaults_of(Profile, *PROFILE_FIELDS, "avatar"), kept={"user": "as in the account"}
        ),
    ),
    PersonalTable(
        model=LastSeen,
        ways=by_id,
        told=("at",),
        withheld={"user": OWN},
        erasure=Replaced({"at": None}, kept={"user": "as in the account"}),
    ),
    PersonalTable(
        model=User,
        ways=lambda person: [Q(pk=person.id)],
        told=(
            *("id", "username", "email", "email_verified_at", "email_undeliverable_at"),
            *("name", "date_joined"),
            *("is_active", "is_staff", "is_superuser", "is_public", "second_factors"),
        ),
        withheld={
            "password": "a hash that tells nothing",
            "authorization_version": "a counter",
            "is_service": "no for whoever can ask",
            "search_text": "made of the names",
            "private_search_text": "made of the names and the address",
            "erased_at": "empty for whoever is here",
        },
        erasure=Replaced(
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
                # What has no mailbox of a service is none.
                "is_service": False,
                "second_factors": [],
                "authorization_version": F("authorization_version") + 1,
                "erased_at": Now(),
            },
            kept={
                "id": "a random number, to which the events refer",
                "date_joined": "when some account was made, which the events tell, too",
                "search_text": "PostgreSQL makes it of the others",
                "private_search_text": "PostgreSQL makes it of the others",
            },
        ),
    ),
)
