"""Cleanup of avatar files: unused ones are deleted after a day, used ones are kept."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from core.security.actor import Actor
from tests.support.captured import Statements
from tests.support.images import make_image
from users.accounts.avatars import storage as avatars
from users.accounts.avatars.images import AvatarSize, decode_squares
from users.accounts.avatars.storage import PREFIXES
from users.accounts.models import Profile, User
from users.accounts.services.avatar import LOOKUP_BATCH, remove_unused_avatars, set_avatar
from users.accounts.tasks import SWEEP_EVERY, sweep_avatars

Capture = Callable[[], AbstractContextManager[Statements]]

pytestmark = pytest.mark.usefixtures("media")

DAY = 86_400


def left_behind() -> str:
    """Write files without a user, as a killed process leaves them."""
    return avatars.write_files(decode_squares(make_image()))


def in_use(user: User) -> str:
    set_avatar(user.pk, actor=Actor(user_id=user.pk), image=make_image())
    return Profile.objects.get(user=user).avatar


def make_old(media: Path, seconds: int = DAY + 60) -> None:
    then = time.time() - seconds
    for path in media.rglob("*.webp"):
        os.utime(path, (then, then))


def is_there(key: str) -> list[bool]:
    return [default_storage.exists(avatars.file_name(key, size)) for size in AvatarSize]


def test_unused_file_is_removed_and_used_file_kept(alice: User, media: Path) -> None:
    unused, used = left_behind(), in_use(alice)
    make_old(media)

    removed = [remove_unused_avatars(prefix) for prefix in PREFIXES]

    assert sum(removed) == 1
    assert (is_there(unused), is_there(used)) == ([False] * 3, [True] * 3)
    assert Profile.objects.get(user=alice).avatar == used


def test_recent_files_are_kept(db: None, media: Path) -> None:
    unused = left_behind()
    make_old(media, DAY - 60)
    assert remove_unused_avatars(unused[:2]) == 0
    make_old(media)
    # One of the files is recent.
    os.utime(media / avatars.file_name(unused, AvatarSize.LARGE))
    assert remove_unused_avatars(unused[:2]) == 0
    assert is_there(unused) == [True] * 3


def test_incomplete_avatars_are_removed(db: None, media: Path) -> None:
    """The process was killed between two files."""
    unused = left_behind()
    default_storage.delete(avatars.file_name(unused, AvatarSize.LARGE))
    make_old(media)
    assert remove_unused_avatars(unused[:2]) == 1
    assert is_there(unused) == [False] * 3


def test_foreign_files_are_kept(db: None, media: Path) -> None:
    key = left_behind()
    directory = media / avatars.DIRECTORY / key[:2]
    (directory / "README.webp").write_text("Unrelated.")
    make_old(media)
    assert remove_unused_avatars(key[:2]) == 1
    assert [path.name for path in directory.iterdir()] == ["README.webp"]


def test_files_are_looked_up_in_batches(media: Path, statements: Capture) -> None:
    squares = decode_squares(make_image())
    for number in range(LOOKUP_BATCH + 1):
        name = avatars.file_name(f"aa{number:030x}", AvatarSize.SMALL)
        default_storage.save(name, ContentFile(squares[AvatarSize.SMALL]))
    make_old(media)
    with statements() as captured:
        assert remove_unused_avatars("aa") == LOOKUP_BATCH + 1
    assert len(captured) == 2
    assert not any(media.rglob("*.webp"))


def test_avatar_lookup_uses_an_index(alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    profiles = Profile.objects.exclude(avatar="").filter(avatar__in=["0" * 32, "1" * 32])
    assert "profile_avatar" in profiles.explain()


def test_each_run_takes_the_next_directory(db: None, media: Path) -> None:
    now = int(timezone.now().timestamp() // SWEEP_EVERY.total_seconds())
    turns = {PREFIXES[(now + later) % len(PREFIXES)] for later in range(2)}
    squares = decode_squares(make_image())
    for prefix in PREFIXES:
        name = avatars.file_name(f"{prefix}{'0' * 30}", AvatarSize.SMALL)
        default_storage.save(name, ContentFile(squares[AvatarSize.SMALL]))
    make_old(media)

    sweep_avatars()

    kept = {path.parent.name for path in media.rglob("*.webp")}
    (swept,) = {*PREFIXES} - kept
    # The next interval may have started.
    assert swept in turns


def test_without_media_nothing_is_swept(db: None, settings: Any, media: Path) -> None:
    assert remove_unused_avatars("00") == 0
    unused = left_behind()
    make_old(media)
    settings.KEEPS_FILES = False
    sweep_avatars()
    assert is_there(unused) == [True] * 3


def test_sweep_interval_covers_all_directories() -> None:
    entry = django_settings.CELERY_BEAT_SCHEDULE["users.accounts.sweep_avatars"]
    assert entry["task"] == sweep_avatars.name
    assert entry["schedule"] == SWEEP_EVERY
