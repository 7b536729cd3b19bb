"""Uploaded pictures become a few small squares of their pixels alone.

Whatever else the file had (where it was taken, by which device, a preview, a colour profile) is not
copied. See "Pictures are made anew" in docs/decisions.md.
"""

import fcntl
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import IO, Final

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import InputRejectedError, Problem, ServiceBusyError
from users.accounts.avatars.decoder import LENGTH, WEBP, WEBP_SHARE, Outcome
from users.accounts.errors import AccountErrorCode

logger = logging.getLogger(__name__)

TYPE: Final = WEBP.lower()
PROGRAM: Final = Path(__file__).with_name("decoder.py")
# The largest pictures that are accepted take about one second.
CPU_SECONDS: Final = 3
WALL_SECONDS: Final = 10
# How long a request waits for the pictures of others, and how many of a process decode or wait:
# half of its threads (`WEB_THREADS`), so that other requests find one.
WAIT_SECONDS: Final = 2.0
MAX_THREADS: Final = 2
POLL_SECONDS: Final = 0.01
# A progressive JPEG has about ten scans, of any number that are allowed. Each is a pass over the
# whole picture.
MAX_SCANS: Final = 150
START_OF_JPEG, START_OF_SCAN = b"\xff\xd8\xff", b"\xff\xda"

_threads = BoundedSemaphore(MAX_THREADS)
_turn_lock = Lock()


class DecoderBusyError(ServiceBusyError):
    """The pictures of others took all of the wait, and nothing was done for this one."""


class AvatarSize(Enum):
    """The size of an avatar, a square of so many pixels."""

    SMALL = 64
    MEDIUM = 256
    LARGE = 512


def decode_squares(data: bytes) -> Mapping[AvatarSize, bytes]:
    """Return the picture in each size, cut to a square around its middle.

    Raises `InputRejectedError` about ``image`` for a file with too many bytes or pixels, for one
    that takes too much work to decode, and for what is no picture, or an animated one; and
    `ServiceBusyError` if there is no time for it: as `DecoderBusyError` if not even its turn came.
    """
    if len(data) > settings.AVATAR_MAX_BYTES:
        raise _refusal(Outcome.TOO_LARGE)
    if _has_too_many_scans(data):
        raise _refusal(Outcome.TOO_COMPLEX)
    with (
        _decoder_lock(),
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as target,
    ):
        source.write(data)
        source.seek(0)
        outcome = _decode(source, target)
        if outcome is not Outcome.DONE:
            raise _refusal(outcome)
        target.seek(0)
        return {size: target.read(*LENGTH.unpack(target.read(LENGTH.size))) for size in AvatarSize}


def _has_too_many_scans(data: bytes) -> bool:
    """Tell whether a JPEG is not worth decoding; nothing is accepted because of the answer.

    In compressed data the marker cannot occur, elsewhere by chance: about 75 times in 5 MB. Pillow
    does not count scans, so the limit on CPU time bounds what this does not.
    """
    return data.startswith(START_OF_JPEG) and data.count(START_OF_SCAN) > MAX_SCANS


@contextmanager
def _decoder_lock() -> Iterator[None]:
    """Hold the pod's one turn at decoding, across threads and processes.

    The lock is on the program's file, which is there even if nothing can be written. The kernel
    releases it whatever becomes of its holder. Raises `DecoderBusyError`.
    """
    give_up = time.monotonic() + WAIT_SECONDS
    if not _threads.acquire(blocking=False):
        raise DecoderBusyError
    try:
        if not _turn_lock.acquire(timeout=WAIT_SECONDS):
            raise DecoderBusyError
        try:
            with PROGRAM.open("rb") as file:
                while not _try_lock(file):
                    if time.monotonic() > give_up:
                        raise DecoderBusyError
                    time.sleep(POLL_SECONDS)
                yield
        finally:
            _turn_lock.release()
    finally:
        _threads.release()


def _try_lock(file: IO[bytes]) -> bool:
    """Lock the file until it is closed, unless another process has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _decode(source: IO[bytes], target: IO[bytes]) -> Outcome:
    """Run the decoder; raise `ServiceBusyError` if it got too little of the processor.

    It starts by `vfork`, not from a copy of this process and its threads, has an empty environment,
    and neither this process's directory nor the user's own packages on its path (`-I`).
    """
    sides = [str(size.value) for size in AvatarSize]
    limits = [str(settings.AVATAR_MAX_PIXELS), str(CPU_SECONDS)]
    command = [sys.executable, "-I", "-W", "ignore", str(PROGRAM), *limits, *sides]
    try:
        done = subprocess.run(  # noqa: S603 - no part of it comes from outside
            command,
            stdin=source,
            stdout=target,
            env={},
            cwd="/",
            timeout=WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServiceBusyError from None
    if done.returncode < 0:
        logger.warning("the decoder of a picture was ended by signal %d", -done.returncode)
        return Outcome.TOO_COMPLEX
    return Outcome(done.returncode)


def _refusal(outcome: Outcome) -> InputRejectedError:
    code, message = {
        Outcome.INVALID: (
            AccountErrorCode.IMAGE_INVALID,
            _("Choose a JPEG, PNG or WebP picture that does not move."),
        ),
        Outcome.TOO_LARGE: (
            AccountErrorCode.IMAGE_TOO_LARGE,
            _("Choose a picture of at most %(bytes)s bytes and %(pixels)s pixels (WebP: %(webp)s).")
            % {
                "bytes": f"{settings.AVATAR_MAX_BYTES:,}",
                "pixels": f"{settings.AVATAR_MAX_PIXELS:,}",
                "webp": f"{settings.AVATAR_MAX_PIXELS // WEBP_SHARE:,}",
            },
        ),
        Outcome.TOO_COMPLEX: (
            AccountErrorCode.IMAGE_TOO_COMPLEX,
            _(
                "Decoding this picture takes too much work. "
                "Save it again as a JPEG, or make it smaller."
            ),
        ),
    }[outcome]
    return InputRejectedError(Problem(code, message, ("image",)))
