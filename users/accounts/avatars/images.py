"""Re-encoding of uploaded images as small squares.

Only pixels are copied, no metadata such as location, device, preview or colour profile. See the
heading on re-encoded images in docs/decisions.md.
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
from threading import Lock
from typing import IO, Final

from django.conf import settings
from django.utils.translation import gettext as _

from core.bulkhead import NotStartedError, half_of_threads
from core.errors import InputRejectedError, Problem, ServiceBusyError
from users.accounts.avatars.decoder import LENGTH, WEBP, WEBP_SHARE, Outcome
from users.accounts.errors import AccountErrorCode

logger = logging.getLogger(__name__)

TYPE: Final = WEBP.lower()
PROGRAM: Final = Path(__file__).with_name("decoder.py")
# The largest accepted images take about one second.
CPU_SECONDS: Final = 3
WALL_SECONDS: Final = 10
# How long a request waits for the decoder.
WAIT_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.01
# A progressive JPEG usually has about ten scans, but the format does not limit them. Each scan is a
# pass over the whole image.
MAX_SCANS: Final = 150
START_OF_JPEG, START_OF_SCAN = b"\xff\xd8\xff", b"\xff\xda"

# Threads that decode or wait for the decoder.
DECODERS: Final = half_of_threads("avatars")
_process_lock = Lock()


class AvatarSize(Enum):
    """The side of a square avatar in pixels."""

    SMALL = 64
    MEDIUM = 256
    LARGE = 512


def decode_squares(data: bytes) -> Mapping[AvatarSize, bytes]:
    """Return the image in each size, cropped to its centred square.

    Raises `InputRejectedError` about ``image`` for a file with too many bytes or pixels, one that
    is too expensive to decode, an unsupported format, or an animation. Raises `ServiceBusyError` if
    decoding times out, and its subclass `NotStartedError` if decoding did not start.
    """
    if len(data) > settings.AVATAR_MAX_BYTES:
        raise _image_rejected_error(Outcome.TOO_LARGE)
    if _has_too_many_scans(data):
        raise _image_rejected_error(Outcome.TOO_COMPLEX)
    with (
        _decoder_lock(),
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as target,
    ):
        source.write(data)
        source.seek(0)
        outcome = _decode(source, target)
        if outcome is not Outcome.DONE:
            raise _image_rejected_error(outcome)
        target.seek(0)
        return {size: target.read(*LENGTH.unpack(target.read(LENGTH.size))) for size in AvatarSize}


def _has_too_many_scans(data: bytes) -> bool:
    """Return True for a JPEG with too many scans, as an early rejection.

    Entropy-coded data cannot contain the marker; other data has it by chance, about 75 times in
    5 MB. The limit on CPU time bounds the files that this heuristic misses.
    """
    return data.startswith(START_OF_JPEG) and data.count(START_OF_SCAN) > MAX_SCANS


@contextmanager
def _decoder_lock() -> Iterator[None]:
    """Serialise decoding in a pod, across threads and processes.

    The lock is on the program's file, which exists on a read-only file system as well. The kernel
    releases it when its holder ends or crashes. Raises `NotStartedError` after `WAIT_SECONDS`.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    with DECODERS:
        if not _process_lock.acquire(timeout=WAIT_SECONDS):
            raise NotStartedError
        try:
            with PROGRAM.open("rb") as file:
                while not _try_lock(file):
                    if time.monotonic() > deadline:
                        raise NotStartedError
                    time.sleep(POLL_SECONDS)
                yield
        finally:
            _process_lock.release()


def _try_lock(file: IO[bytes]) -> bool:
    """Lock the file until it is closed; return False if another process holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _decode(source: IO[bytes], target: IO[bytes]) -> Outcome:
    """Run the decoder. Raises `ServiceBusyError` after `WALL_SECONDS`.

    It starts by `vfork` (`fork` is unsafe with threads), with an empty environment, and in isolated
    mode (`-I`), without the working directory and the user's packages on its path.
    """
    sides = [str(size.value) for size in AvatarSize]
    limits = [str(settings.AVATAR_MAX_PIXELS), str(CPU_SECONDS)]
    command = [sys.executable, "-I", "-W", "ignore", str(PROGRAM), *limits, *sides]
    try:
        done = subprocess.run(  # noqa: S603 - no part of it is user input
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
        logger.warning("avatar decoder terminated", extra={"signal": -done.returncode})
        return Outcome.TOO_COMPLEX
    return Outcome(done.returncode)


def _image_rejected_error(outcome: Outcome) -> InputRejectedError:
    code, message = {
        Outcome.INVALID: (
            AccountErrorCode.IMAGE_INVALID,
            _("Choose a JPEG, PNG or WebP image that is not animated."),
        ),
        Outcome.TOO_LARGE: (
            AccountErrorCode.IMAGE_TOO_LARGE,
            _("Choose an image of at most %(bytes)s bytes and %(pixels)s pixels (WebP: %(webp)s).")
            % {
                "bytes": f"{settings.AVATAR_MAX_BYTES:,}",
                "pixels": f"{settings.AVATAR_MAX_PIXELS:,}",
                "webp": f"{settings.AVATAR_MAX_PIXELS // WEBP_SHARE:,}",
            },
        ),
        Outcome.TOO_COMPLEX: (
            AccountErrorCode.IMAGE_TOO_COMPLEX,
            _("This image takes too long to decode. Save it again as a JPEG, or make it smaller."),
        ),
    }[outcome]
    return InputRejectedError(Problem(code, message, ("image",)))
