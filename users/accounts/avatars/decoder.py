"""Decode an untrusted image into WebP squares, in a process with hard resource limits.

`users.accounts.avatars.images` runs this file as a process for each image, so that an infinite
loop, excessive allocation or crash of a decoder is contained. It imports the standard library and
Pillow only. It reads the image from standard input, writes each square to standard output after its
length in four bytes, and exits with an `Outcome`.
"""

import resource
import struct
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from io import BytesIO
from typing import Final

# TiffImagePlugin reads the EXIF data of all formats. Without WebPImagePlugin, Pillow would import
# the plugins of all formats, a third of the CPU time of a small image.
from PIL import (
    Image,
    ImageOps,
    TiffImagePlugin,  # noqa: F401 - Pillow would import it lazily
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401 - registers the format
)

# The formats of cameras, screenshots and browsers. Pillow checks a WebP's size before it allocates.
FORMATS: Final = ("JPEG", "PNG")
WEBP: Final = "WEBP"
QUALITY: Final = 82
LENGTH: Final = struct.Struct(">I")
# The interpreter and Pillow; per pixel four bytes for the decoded image and four for one copy.
BASE_MEMORY: Final = 64 << 20
BYTES_PER_PIXEL: Final = 10
# libwebp composes frames on its own canvases, so a WebP pixel takes twice the memory.
WEBP_SHARE: Final = 2
MAX_OUTPUT: Final = 4_000_000


class Outcome(IntEnum):
    """Exit status; any other positive status is a bug of the program."""

    DONE = 0
    INVALID = 64
    TOO_LARGE = 65
    TOO_COMPLEX = 66


def main(max_pixels: int, cpu_seconds: int, sides: Sequence[int]) -> Outcome:
    """Decode standard input into squares of ``sides`` pixels."""
    data = sys.stdin.buffer.read()
    # Three times the input: the bytes and the copies that libraries make.
    limit_resources(
        memory=BASE_MEMORY + BYTES_PER_PIXEL * max_pixels + 3 * len(data), cpu_seconds=cpu_seconds
    )
    try:
        squares = b"".join(encode(open_image(data, max(sides), max_pixels), sides))
    except Image.DecompressionBombError:
        return Outcome.TOO_LARGE
    except MemoryError:
        return Outcome.TOO_COMPLEX
    except Exception:  # noqa: BLE001 - decoders raise any exception for a malformed file
        return Outcome.INVALID
    sys.stdout.buffer.write(squares)
    return Outcome.DONE


def limit_resources(*, memory: int, cpu_seconds: int) -> None:
    """Set kernel limits on memory in bytes and on CPU time (SIGXCPU)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))
    if sys.platform == "linux":  # macOS defines RLIMIT_AS but rejects setting it.
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # The hard limit sends SIGKILL, which does not identify the reason.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def open_image(data: bytes, side: int, max_pixels: int) -> Image.Image:
    """Open an image lazily, for squares of at most ``side`` pixels.

    Raises `DecompressionBombError` for too many pixels according to the header, `MemoryError` for a
    progressive JPEG beyond the memory limit, and `ValueError` for an animation.
    """
    try:
        image = open_as(FORMATS, data, max_pixels)
    except UnidentifiedImageError:
        image = open_as((WEBP,), data, max_pixels // WEBP_SHARE)
    # A JPEG with several images (MPO) is a photograph with a preview.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise ValueError
    # libjpeg stores the coefficients of a progressive JPEG, two bytes each, until the last scan.
    # Its out-of-memory error cannot be distinguished from that of a damaged file.
    coefficients = 2 * image.width * image.height * len(image.getbands())
    # Decodes a JPEG at 1/2, 1/4 or 1/8 of its size if that suffices.
    image.draft("RGB", (2 * side, 2 * side))
    decoded = 4 * image.width * image.height
    if "progressive" in image.info and coefficients + decoded > BYTES_PER_PIXEL * max_pixels:
        raise MemoryError
    return image


def open_as(formats: tuple[str, ...], data: bytes, max_pixels: int) -> Image.Image:
    """Open the image if it has one of the formats; raise `UnidentifiedImageError` otherwise."""
    # Pillow warns beyond this limit and raises beyond twice the limit.
    Image.MAX_IMAGE_PIXELS = max_pixels / 2  # type: ignore[assignment]
    return Image.open(BytesIO(data), formats=formats)


def encode(image: Image.Image, sides: Sequence[int]) -> Iterator[bytes]:
    """Yield the centred square in each size, upright, without metadata or colour profile."""
    # Each step replaces the previous image, so at most two exist in full size.
    if image.mode.startswith("I"):
        # 16-bit values, which Pillow's conversion would clip instead of scale.
        image = image.point(lambda value: value / 256).convert("L")
        image.info.pop("transparency", None)
    if image.mode in {"1", "P"} or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    largest = max(sides)
    image = ImageOps.fit(image, (largest, largest), Image.Resampling.LANCZOS)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image = ImageOps.exif_transpose(image)
    for side in sides:
        square = image.resize((side, side), Image.Resampling.LANCZOS)
        square.info = {}
        target = BytesIO()
        square.save(target, WEBP, quality=QUALITY)
        yield LENGTH.pack(target.tell()) + target.getvalue()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), [int(side) for side in sys.argv[3:]]))
