"""Images that are small to send but expensive or impossible to decode."""

import struct
import zlib
from io import BytesIO

from PIL import Image

from tests.support.images import make_image

END_OF_JPEG, START_OF_SCAN = b"\xff\xd9", b"\xff\xda"


def many_scans(count: int, size: tuple[int, int] = (5_000, 5_000)) -> bytes:
    """Return a progressive JPEG whose shortest scan is repeated."""
    target = BytesIO()
    Image.new("RGB", size, (90, 90, 90)).save(target, "JPEG", progressive=True, quality=50)
    file = target.getvalue().removesuffix(END_OF_JPEG)
    scans = file.split(START_OF_SCAN)[1:]
    again = START_OF_SCAN + min(scans, key=len)
    return file + again * (count - len(scans)) + END_OF_JPEG


def huge_canvas(width: int, height: int) -> bytes:
    """Return a WebP of a few bytes with a huge declared canvas."""
    frame = make_image("WEBP", lossless=True)[12:]
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + size + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flat_webp(width: int, height: int) -> bytes:
    """Return a lossless WebP of one colour in bits that take no time to make.

    A prefix code of one symbol takes no bits, so the pixels take none.
    """
    # Width, height, no alpha channel, version 0; no transform, colour cache or meta prefix codes.
    header = (width - 1) | (height - 1) << 14
    # For each of the five prefix codes: it is simple, and has one symbol of one bit, 0.
    codes = sum(0b0001 << 4 * number for number in range(5))
    data = b"\x2f" + (header | codes << 35).to_bytes(8, "little")
    body = b"WEBP" + b"VP8L" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def flat(format_: str, size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    """Return an image of one colour, which compresses to a few bytes."""
    target = BytesIO()
    Image.new(mode, size).save(target, format_, **options)
    return target.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(*chunks: bytes) -> bytes:
    """Return a PNG with chunks between its header and its pixels."""
    file = make_image("PNG")
    end = 8 + 25
    return file[:end] + b"".join(chunks) + file[end:]
