"""What becomes of a picture that somebody uploads: a few small squares, of its pixels alone.

Whatever else the file had (where it was taken, by which device, a preview, a colour profile) is not
copied.
"""

from collections.abc import Mapping
from enum import Enum
from io import BytesIO
from threading import Lock
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from core.errors import ErrorCode, InputRejectedError, Problem

# Few decoders are few ways in; these two are what cameras and screenshots make.
FORMATS: Final = ("JPEG", "PNG")
TYPE: Final = "webp"
QUALITY: Final = 82
# A picture takes a few bytes of memory a pixel while it is read, so one is read at a time.
_reading = Lock()
# Pillow's own limit would be a warning at first. Ours is asked as soon as the size is known,
# which is before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class AvatarSize(Enum):
    """The squares there are, by the length of a side in pixels."""

    SMALL = 64
    MEDIUM = 256
    LARGE = 512


def squares_of(data: bytes) -> Mapping[AvatarSize, bytes]:
    """Return the picture in each size, cut to a square around its middle.

    Raises `InputRejectedError` about ``image`` for a file with too many bytes or pixels, and for
    what is no picture, or one that moves.
    """
    if len(data) > settings.AVATAR_MAX_BYTES:
        raise _too_large()
    with _reading:
        try:
            return _read(data)
        except InputRejectedError:
            raise
        except Exception:  # noqa: BLE001 - decoders raise anything, and it is the file's fault
            raise _no_picture() from None


def _read(data: bytes) -> Mapping[AvatarSize, bytes]:
    with Image.open(BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > settings.AVATAR_MAX_PIXELS:
            raise _too_large()
        # A JPEG of several pictures (MPO) is a photograph with a preview.
        if image.format == "PNG" and getattr(image, "is_animated", False):
            raise _no_picture()
        largest = max(size.value for size in AvatarSize)
        # Has a JPEG decoded at half its size, or less, as long as there is more than is needed.
        image.draft("RGB", (2 * largest, 2 * largest))
        colours = image.convert("RGBA" if image.has_transparency_data else "RGB")
    square = ImageOps.fit(colours, (largest, largest), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(square)
    return {size: _encoded(upright, size.value) for size in AvatarSize}


def _encoded(image: Image.Image, length: int) -> bytes:
    small = image.resize((length, length), Image.Resampling.LANCZOS)
    small.info.clear()
    target = BytesIO()
    small.save(target, TYPE.upper(), quality=QUALITY)
    return target.getvalue()


def _too_large() -> InputRejectedError:
    return InputRejectedError(
        Problem(
            ErrorCode.IMAGE_TOO_LARGE,
            _("Choose a picture of at most %(bytes)s bytes and %(pixels)s pixels.")
            % {
                "bytes": f"{settings.AVATAR_MAX_BYTES:,}",
                "pixels": f"{settings.AVATAR_MAX_PIXELS:,}",
            },
            ("image",),
        )
    )


def _no_picture() -> InputRejectedError:
    return InputRejectedError(
        Problem(
            ErrorCode.IMAGE_INVALID,
            _("Choose a JPEG or PNG picture that does not move."),
            ("image",),
        )
    )
