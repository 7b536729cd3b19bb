"""Files of pictures that nobody is shown by: they go after a day, and used ones stay."""

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

from core.actor import Actor
from tests.conftest import Statements
from tests.pictures import picture
from users.accounts import avatars
from users.accounts.avatars import PREFIXES
from users.accounts.models import Profile, User
from users.accounts.pictures import AvatarSize, squares_of
from users.accounts.services.avatar import ASKED_AT_ONCE, remove_unused_avatars, set_avatar
from users.accounts.tasks import SWEEP_EVERY, sweep_avatars

Capture = Callable[[], AbstractContextManager[Statements]]

pytestmark = pytest.mark.usefixtures("media")

DAY = 86_400


def left_behind() -> str:
    """Leave what a killed process does: files, and nobody who is shown by them."""
    return avatars.keep(squares_of(picture()))


def in_use(user: User) -> str:
    set_avatar(user.pk, actor=Actor(user_id=user.pk), image=picture())
    return Profile.objects.get(user=user).avatar


def make_old(media: Path, seconds: int = DAY + 60) -> None:
    then = time.time() - seconds
    for path in media.rglob("*.webp"):
        os.utime(path, (then, then))


def is_there(key: str) -> list[bool]:
    return [default_storage.exists(avatars.name_of(key, size)) for size in AvatarSize]


def test_a_file_left_behind_goes_and_a_used_one_stays(alice: User, media: Path) -> None:
    unused, used = left_behind(), in_use(alice)
    make_old(media)

    removed = [remove_unused_avatars(prefix) for prefix in PREFIXES]

    assert sum(removed) == 1
    assert (is_there(unused), is_there(used)) == ([False] * 3, [True] * 3)
    assert Profile.objects.get(user=alice).avatar == used


def test_whatever_is_younger_than_a_day_stays(db: None, media: Path) -> None:
    unused = left_behind()
    make_old(media, DAY - 60)
    assert remove_unused_avatars(unused[:2]) == 0
    make_old(media)
    # One of the files was written a moment ago.
    os.utime(media / avatars.name_of(unused, AvatarSize.LARGE))
    assert remove_unused_avatars(unused[:2]) == 0
    assert is_there(unused) == [True] * 3


def test_half_of_the_files_go_as_well(db: None, media: Path) -> None:
    """The process was killed between two of them."""
    unused = left_behind()
    default_storage.delete(avatars.name_of(unused, AvatarSize.LARGE))
    make_old(media)
    assert remove_unused_avatars(unused[:2]) == 1
    assert is_there(unused) == [False] * 3


def test_what_is_no_picture_of_ours_stays(db: None, media: Path) -> None:
    key = left_behind()
    directory = media / avatars.DIRECTORY / key[:2]
    (directory / "README.webp").write_text("Somebody's.")
    make_old(media)
    assert remove_unused_avatars(key[:2]) == 1
    assert [path.name for path in directory.iterdir()] == ["README.webp"]


def test_many_are_looked_up_some_at_a_time(media: Path, statements: Capture) -> None:
    squares = squares_of(picture())
    for number in range(ASKED_AT_ONCE + 1):
        name = avatars.name_of(f"aa{number:030x}", AvatarSize.SMALL)
        default_storage.save(name, ContentFile(squares[AvatarSize.SMALL]))
    make_old(media)
    with statements() as captured:
        assert remove_unused_avatars("aa") == ASKED_AT_ONCE + 1
    assert len(captured) == 2
    assert not any(media.rglob("*.webp"))


def test_an_index_tells_who_is_shown(alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    pictures = Profile.objects.exclude(avatar="").filter(avatar__in=["0" * 32, "1" * 32])
    assert "profile_avatar" in pictures.explain()


def test_each_run_takes_the_next_directory(db: None, media: Path) -> None:
    now = int(timezone.now().timestamp() // SWEEP_EVERY.total_seconds())
    turns = {PREFIXES[(now + later) % len(PREFIXES)] for later in range(2)}
    squares = squares_of(picture())
    for prefix in PREFIXES:
        name = avatars.name_of(f"{prefix}{'0' * 30}", AvatarSize.SMALL)
        default_storage.save(name, ContentFile(squares[AvatarSize.SMALL]))
    make_old(media)

    sweep_avatars()

    kept = {path.parent.name for path in media.rglob("*.webp")}
    (swept,) = {*PREFIXES} - kept
    # The time may have come for the next.
    assert swept in turns


def test_without_files_there_is_nothing_to_sweep(db: None, settings: Any, media: Path) -> None:
    assert remove_unused_avatars("00") == 0
    unused = left_behind()
    make_old(media)
    settings.KEEPS_FILES = False
    sweep_avatars()
    assert is_there(unused) == [True] * 3


def test_it_is_done_as_often_as_its_turns_say() -> None:
    entry = django_settings.CELERY_BEAT_SCHEDULE["users.accounts.sweep_avatars"]
    assert entry["task"] == sweep_avatars.name
    assert entry["schedule"] == SWEEP_EVERY
