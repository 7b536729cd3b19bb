"""Avatars: upload, removal and cleanup of unused files."""

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem
from core.ratelimit.limits import counted
from core.security.actor import Actor
from users.accounts.avatars import storage
from users.accounts.avatars.images import decode_squares
from users.accounts.errors import AccountErrorCode
from users.accounts.models import Profile, User
from users.accounts.policy import may_edit_profile, require
from users.accounts.services.lookup import get_target_for_update
from users.accounts.throttling import avatar_bucket
from users.activity.services.record import record
from users.activity.tags import Tag

# Far longer than a request between writing the files and writing their key.
UNUSED_AFTER: Final = timedelta(days=1)
LOOKUP_BATCH: Final = 1_000


def set_avatar(user_id: UUID, *, actor: Actor, image: bytes) -> User:
    """Set a user's avatar, and replace any former one.

    1. Count the attempt, and re-encode the image. A rejected image is not stored.
    2. Write the files. They are deleted again if the next step fails.
    3. Write their key. A task deletes the former files, whose key is in the event.

    Raises `InputRejectedError`, `TooManyAttemptsError`, `ServiceBusyError` and the policy's errors.
    """
    require(actor, may_edit_profile, user_id)
    if not settings.KEEPS_FILES:
        raise InputRejectedError(
            Problem(
                AccountErrorCode.UPLOADS_OFF,
                _("Avatars are not available on this service."),
                ("image",),
            )
        )
    with counted(avatar_bucket(user_id)):
        squares = decode_squares(image)
    with ExitStack() as undo:
        key = storage.write_files(squares)
        undo.callback(storage.delete_files_of, key)
        with transaction.atomic(durable=True):
            user = get_target_for_update(user_id, actor=actor)
            _write(user, key, actor=actor, tag=Tag.AVATAR_CHANGED)
        undo.pop_all()
    return user


@transaction.atomic(durable=True)
def remove_avatar(user_id: UUID | None, *, actor: Actor) -> User:
    """Remove a user's avatar; no-op without one.

    Raises `InputRejectedError` if the user does not exist, and the policy's errors.
    """
    require(actor, may_edit_profile, user_id)
    user = get_target_for_update(user_id, actor=actor)
    if user.profile.avatar:
        _write(user, "", actor=actor, tag=Tag.AVATAR_REMOVED)
    return user


def remove_unused_avatars(prefix: str) -> int:
    """Delete unused avatar files in one directory; return the number of avatars.

    Files become unused if a process is killed before it writes their key, or if a task cannot
    delete replaced ones. Files of the last day are skipped, because their key may not be written
    yet. Keys are never reused, so an unused file stays unused (no TOCTOU).
    """
    removed, keys = 0, storage.keys_under(prefix)
    while batch := list(islice(keys, LOOKUP_BATCH)):
        for key in _find_unused_keys(batch):
            if storage.is_older(key, UNUSED_AFTER):
                storage.delete_files_of(key)
                removed += 1
    return removed


def _find_unused_keys(keys: Iterable[str]) -> list[str]:
    # The condition of the partial index.
    profiles = Profile.objects.exclude(avatar="").filter(avatar__in=keys)
    used = set(profiles.values_list("avatar", flat=True))
    return [key for key in keys if key not in used]


def _write(user: User, key: str, *, actor: Actor, tag: Tag) -> None:
    """Write the key of a locked user's avatar, in the caller's transaction."""
    former, user.profile.avatar = user.profile.avatar, key
    user.profile.save(update_fields=["avatar"])
    record(tag, actor=actor, subject_id=user.pk, former=former)
