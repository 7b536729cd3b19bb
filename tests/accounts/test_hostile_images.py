"""Hostile images: each is decoded in a limited process or rejected.

The tests measure the CPU time and memory of the process instead of wall-clock time.
"""

import fcntl
import os
import resource
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms

from tests.support.client import Answer
from tests.support.hostile_images import (
    chunk,
    flat,
    flat_webp,
    huge_canvas,
    many_scans,
    with_chunks,
)
from tests.support.images import BLUE, RED, animated, files, make_image
from tests.support.signing_in import tags
from users.accounts import throttling
from users.accounts.avatars import images
from users.accounts.avatars.decoder import BASE_MEMORY, BYTES_PER_PIXEL
from users.accounts.avatars.images import AvatarSize, decode_squares
from users.accounts.models import Profile, User

Upload = Callable[..., Answer]
# Called by the test: every process of the tests imports this module, and large images take seconds.
Make = Callable[[], bytes]

INVALID, TOO_LARGE = [("IMAGE_INVALID", "image")], [("IMAGE_TOO_LARGE", "image")]
TOO_COMPLEX = [("IMAGE_TOO_COMPLEX", "image")]
# More than any image of these tests takes, less than one of 25 million pixels.
LITTLE_MEMORY_KIB = 40_000


@pytest.fixture(autouse=True)
def _unlimited_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    many = replace(throttling.AVATARS_PER_USER, count=1_000)
    monkeypatch.setattr(throttling, "AVATARS_PER_USER", many)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Replace the decoder by another program."""

    def replace(source: str) -> None:
        path = tmp_path_factory.mktemp("program") / "program.py"
        path.write_text(f"import os, signal, sys, time\n{source}\n")
        monkeypatch.setattr(images, "PROGRAM", path)

    return replace


def seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def peak_of_this_process() -> int:
    """Return the peak memory in KiB since `reset_peak`."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak() -> None:
    """Reset the peak to the current memory; see clear_refs in proc_pid_clear_refs(5)."""
    Path("/proc/self/clear_refs").write_text("5")


def colours(square: bytes) -> tuple[Any, Any]:
    with Image.open(BytesIO(square)) as image:
        middle = image.width // 2
        shown = image.convert("RGB")
        return shown.getpixel((middle // 2, middle)), shown.getpixel((middle * 3 // 2, middle))


# Resource limits -------------------------------------------------------------------------


def test_jpeg_with_many_scans_is_refused_undecoded(
    upload: Upload, alice: User, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = many_scans(200)
    assert len(file) < 200_000
    monkeypatch.setattr(images, "PROGRAM", Path("/nonexistent"))
    assert upload(file).problems == TOO_COMPLEX
    assert Profile.objects.get(user=alice).avatar == ""
    assert files(media) == []
    assert tags() == []


def test_cpu_time_is_bounded(upload: Upload, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_SCANS", 10**6)
    monkeypatch.setattr(images, "CPU_SECONDS", 1)
    file = many_scans(4_000)
    assert len(file) < 2_000_000
    before = seconds_of_children()
    assert upload(file).problems == TOO_COMPLEX
    # One second and the start of the process; 4,000 scans would take over a minute.
    assert seconds_of_children() - before < 4
    assert files(media) == []


def test_scans_of_ordinary_progressive_images_are_few(upload: Upload) -> None:
    assert upload(make_image("JPEG", (600, 400), progressive=True)).problems == []
    assert upload(many_scans(40, (200, 200))).problems == []


@pytest.mark.parametrize(
    "make",
    [
        partial(flat, "PNG", (5_000, 5_000)),
        partial(flat, "PNG", (5_000, 5_000), "RGBA"),
        partial(flat, "PNG", (5_000, 5_000), "P", transparency=3),
        partial(flat, "PNG", (5_000, 5_000), "RGB", transparency=(1, 1, 1)),
        partial(flat, "PNG", (5_000, 5_000), "I;16"),
        partial(flat, "PNG", (5_000, 5_000), "1"),
        partial(flat, "PNG", (50_000, 500), "RGBA"),
        partial(flat, "WEBP", (5_000, 2_500), "RGBA", lossless=True),
        partial(flat, "WEBP", (2_500, 5_000), lossless=True),
        partial(flat, "JPEG", (25_000, 1_000), progressive=True, subsampling=0),
        partial(flat, "JPEG", (5_000, 5_000), "CMYK", progressive=True),
    ],
    ids=range(11),
)
def test_the_largest_images_fit_and_take_no_memory_of_this_process(
    upload: Upload, make: Make
) -> None:
    file = make()
    decode_squares(make_image())
    # Building the image took more than decoding it here would.
    reset_peak()
    before = peak_of_this_process()
    assert upload(file).problems == []
    assert peak_of_this_process() - before < LITTLE_MEMORY_KIB


def test_memory_is_bounded(upload: Upload, media: Path) -> None:
    # Within the limit on pixels, but not with libjpeg's coefficients.
    file = flat("JPEG", (25_000, 1_000), "CMYK", progressive=True, subsampling=0)
    assert upload(file).problems == TOO_COMPLEX
    assert files(media) == []


@pytest.mark.parametrize(
    "make",
    [
        partial(flat_webp, 5_000, 2_501),
        partial(flat_webp, 16_383, 16_383),
        partial(huge_canvas, 16_384, 16_384),
        partial(huge_canvas, 16_777_216, 255),
        partial(huge_canvas, 5_001, 5_000),
        partial(flat, "JPEG", (65_500, 400)),
        partial(flat, "JPEG", (5_001, 5_000), progressive=True),
    ],
    ids=range(7),
)
def test_too_many_pixels_are_refused_by_the_header(upload: Upload, media: Path, make: Make) -> None:
    file = make()
    before = seconds_of_children()
    assert upload(file).problems == TOO_LARGE
    assert seconds_of_children() - before < 1
    assert files(media) == []


@pytest.mark.parametrize(
    "make",
    [
        partial(flat, "GIF", (5_000, 5_000)),
        partial(animated, "GIF"),
        partial(animated, "WEBP"),
        partial(animated, "PNG"),
        lambda: huge_canvas(3_000, 3_000)[:40],
        lambda: make_image("WEBP")[:-20],
        lambda: make_image("JPEG", (600, 400))[:900],
        lambda: make_image("PNG", (600, 400))[:500],
        # Compressed texts and profiles that expand to a large size.
        lambda: with_chunks(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
        lambda: with_chunks(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000)))] * 100),
    ],
    ids=range(10),
)
def test_damaged_and_animated_images_are_refused(upload: Upload, media: Path, make: Make) -> None:
    assert upload(make()).problems == INVALID
    assert files(media) == []


# Faithful decoding -----------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_followed(format_: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    square = decode_squares(make_image(format_, (80, 80), exif=exif))[AvatarSize.MEDIUM]
    with Image.open(BytesIO(square)) as image:
        shown = image.convert("RGB")
        red_at = {
            1: (64, 128), 2: (192, 128), 3: (192, 128), 4: (64, 128),
            5: (128, 64), 6: (128, 64), 7: (128, 192), 8: (128, 192),
        }[orientation]  # fmt: skip
        pixel = shown.getpixel(red_at)
    assert isinstance(pixel, tuple)
    assert all(abs(a - b) < 40 for a, b in zip(pixel, RED, strict=True))


@pytest.mark.parametrize(
    "profile",
    [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"no profile" * 50],
)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_colour_profiles_are_not_copied(format_: str, profile: bytes) -> None:
    squares = decode_squares(make_image(format_, icc_profile=profile))
    for square in squares.values():
        with Image.open(BytesIO(square)) as image:
            assert "icc_profile" not in image.info
    for colour, expected in zip(colours(squares[AvatarSize.LARGE]), (RED, BLUE), strict=True):
        assert all(abs(a - b) < 40 for a, b in zip(colour, expected, strict=True))


@pytest.mark.parametrize("options", [{}, {"transparency": 0}])
def test_sixteen_bits_are_shown_by_their_upper_eight(options: dict[str, Any]) -> None:
    image = Image.new("I;16", (80, 80), 51_200)
    image.paste(Image.new("I;16", (40, 80), 12_800), (0, 0))
    target = BytesIO()
    image.save(target, "PNG", **options)
    left, right = colours(decode_squares(target.getvalue())[AvatarSize.LARGE])
    assert left == pytest.approx((50, 50, 50), abs=4)
    assert right == pytest.approx((200, 200, 200), abs=4)


# The process -----------------------------------------------------------------------------


def test_decoder_imports_nothing_of_the_service(upload: Upload, program: Any) -> None:
    program(
        "known = [name for name in sys.modules if name.startswith(('django', 'core'))]"
        "\nknown += [name for name in os.environ if name != 'LC_CTYPE']"
        "\nopen_ = sorted(os.listdir('/proc/self/fd'))[3:-1]"
        "\nsys.exit(66 if not known and not open_ and os.getcwd() == '/' else 1)"
    )
    assert os.environ["SECRET_KEY"]
    assert upload(make_image()).problems == TOO_COMPLEX


def test_the_kernel_holds_the_limits() -> None:
    source = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); import decoder as decoder\n"
        "decoder.limit_resources(memory=300_000_000, cpu_seconds=3)\n"
        "print(*(resource.getrlimit(limit) for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU,"
        " resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)))"
    )
    output = subprocess.check_output(
        [sys.executable, "-I", "-c", source, str(images.PROGRAM.parent)], text=True
    )
    expected = "(300000000, 300000000) (3, 4) (4000000, 4000000) (0, 0)\n"
    assert output == expected


def test_default_limits_leave_room_in_a_pod(settings: Any) -> None:
    memory = BASE_MEMORY + BYTES_PER_PIXEL * settings.AVATAR_MAX_PIXELS
    assert memory < 320 << 20


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGXCPU])
def test_decoder_crash_refuses_the_image(
    upload: Upload, media: Path, program: Any, number: int
) -> None:
    program(f"os.kill(os.getpid(), {int(number)})")
    assert upload(make_image()).problems == TOO_COMPLEX
    assert files(media) == []


def test_decoder_that_cannot_start_is_a_server_error(
    upload: Upload, media: Path, program: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    program("raise ImportError('no Pillow here')")
    assert upload(make_image()).codes == ["INTERNAL_ERROR"]
    assert "no Pillow here" in capfd.readouterr().err
    assert files(media) == []


def test_hanging_decoder_is_killed(
    upload: Upload, program: Any, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    note = tmp_path_factory.mktemp("note") / "pid"
    program(f"open({str(note)!r}, 'w').write(str(os.getpid()))\nwhile True: time.sleep(60)")
    monkeypatch.setattr(images, "WALL_SECONDS", 1)
    answer = upload(make_image())
    assert answer.codes == ["SERVICE_BUSY"]
    assert answer.body["errors"][0]["extensions"]["retryAfter"] == 2
    assert not Path(f"/proc/{note.read_text()}").exists()


# Serialisation ---------------------------------------------------------------------------


def test_decoder_lock_is_shared_between_processes(
    upload: Upload, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "WAIT_SECONDS", 0.1)
    source = (
        "import fcntl, sys; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", source, str(images.PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        answer = upload(make_image())
        assert answer.codes == ["SERVICE_BUSY"]
        assert files(media) == []
        # The kernel released the lock of the killed process.
        other.kill()
        other.wait()
        assert upload(make_image()).problems == []


def test_decoder_lock_bounds_waiting_threads(
    upload: Upload, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(images, "WAIT_SECONDS", 0.1)
    turn = Lock()
    monkeypatch.setattr(images, "_process_lock", turn)
    with turn:
        assert upload(make_image()).codes == ["SERVICE_BUSY"]
    assert upload(make_image()).problems == []

    monkeypatch.setattr(images, "WAIT_SECONDS", 600)
    settings.WEB_THREADS = 4
    with images.DECODERS, images.DECODERS:
        # Without waiting for the timeout.
        assert upload(make_image()).codes == ["SERVICE_BUSY"]
    assert upload(make_image()).problems == []


def test_refused_image_releases_the_lock(upload: Upload) -> None:
    for _time in range(5):
        assert upload(b"x").problems == INVALID
    with images.PROGRAM.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
