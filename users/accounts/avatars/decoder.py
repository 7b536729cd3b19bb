"""Decode an untrusted picture into WebP squares: a program with hard limits on its own resources.

`users.accounts.avatars.images` runs this file as a process for each picture, so a decoder that
loops, allocates or crashes takes nothing with it. The program therefore imports the standard
library and Pillow only. It reads the picture from standard input, writes each square to standard
output, after its length in four bytes, and exits with an `Outcome`.
"""

import resource
import struct
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from io import BytesIO
from typing import Final

# TiffImagePlugin reads EXIF data, whatever the format.
from PIL import (
    Image,
    ImageOps,
    TiffImagePlugin,  # noqa: F401 - Pillow would import it lazily
    UnidentifiedImageError,
)

# What cameras, screenshots and browsers make. Pillow checks the size of a WebP before it allocates.
FORMATS: Final = ("JPEG", "PNG")
WEBP: Final = "WEBP"
QUALITY: Final = 82
LENGTH: Final = struct.Struct(">I")
# The interpreter and Pillow, and then per pixel: four bytes decoded, and four for one copy.
BASE_MEMORY: Final = 64 << 20
BYTES_PER_PIXEL: Final = 10
# libwebp composes frames on canvases of its own, so a pixel of a WebP takes twice as much.
WEBP_SHARE: Final = 2
MAX_OUTPUT: Final = 4_000_000


class Outcome(IntEnum):
    """Exit statuses; any other positive one is a fault of the program's, as without Pillow."""

    DONE = 0
    INVALID = 64
    TOO_LARGE = 65
    TOO_COMPLEX = 66


def main(max_pixels: int, cpu_seconds: int, sides: Sequence[int]) -> Outcome:
    """Decode standard input to squares with these sides."""
    data = sys.stdin.buffer.read()
    # The bytes themselves, and what copies of them libraries make.
    limit_resources(
        memory=BASE_MEMORY + BYTES_PER_PIXEL * max_pixels + 3 * len(data), cpu_seconds=cpu_seconds
    )
    try:
        squares = b"".join(encode(open_image(data, max(sides), max_pixels), sides))
    except Image.DecompressionBombError:
        return Outcome.TOO_LARGE
    except MemoryError:
        return Outcome.TOO_COMPLEX
    except Exception:  # noqa: BLE001 - decoders raise anything, and the file is the reason
        return Outcome.INVALID
    sys.stdout.buffer.write(squares)
    return Outcome.DONE


def limit_resources(*, memory: int, cpu_seconds: int) -> None:
    """Have the kernel end this process (SIGXCPU), or refuse it memory, beyond the limits."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))
    if sys.platform == "linux":  # macOS has the limit, and refuses to set it.
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # At the hard limit the signal would be SIGKILL, which does not say why.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def open_image(data: bytes, side: int, max_pixels: int) -> Image.Image:
    """Return the picture, not decoded yet, to be cut to squares of at most ``side`` pixels.

    Raises `DecompressionBombError` for too many pixels, by the header alone.
    """
    try:
        image = open_as(FORMATS, data, max_pixels)
    except UnidentifiedImageError:
        image = open_as((WEBP,), data, max_pixels // WEBP_SHARE)
    # A JPEG of several pictures (MPO) is a photograph with a preview.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise ValueError
    # libjpeg keeps the coefficients of a progressive JPEG, two bytes each, until the last scan. Its
    # error for too little memory is the same as for a damaged file.
    coefficients = 2 * image.width * image.height * len(image.getbands())
    # Has a JPEG decoded at a half, a quarter or an eighth of its size, while that is enough.
    image.draft("RGB", (2 * side, 2 * side))
    decoded = 4 * image.width * image.height
    if "progressive" in image.info and coefficients + decoded > BYTES_PER_PIXEL * max_pixels:
        raise MemoryError
    return image


def open_as(formats: tuple[str, ...], data: bytes, max_pixels: int) -> Image.Image:
    """Return the picture if it is of one of the formats."""
    # Pillow warns about more pixels than this, and refuses more than twice as many.
    Image.MAX_IMAGE_PIXELS = max_pixels / 2  # type: ignore[assignment]
    return Image.open(BytesIO(data), formats=formats)


def encode(image: Image.Image, sides: Sequence[int]) -> Iterator[bytes]:
    """Yield the middle of the picture in each size, upright, without metadata or profile."""
    # Each step replaces the former image, so that two of full size exist at a time, and no more.
    if image.mode.startswith("I"):
        # 16 bits, of which Pillow's conversion would clip the upper 8.
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
