"""Images to upload."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

SET = """
    mutation ($image: Upload!) {
      setAvatar(input: {image: $image}) {
        user { avatar { url width height } } errors { code field message }
      }
    }
"""
RED, GREEN, BLUE = (220, 20, 20), (20, 160, 20), (20, 20, 220)


def make_image(
    format_: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any
) -> bytes:
    """Return an image, red on the left and blue on the right."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    target = BytesIO()
    image.convert(mode).save(target, format_, **options)
    return target.getvalue()


def animated(format_: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, GREEN, BLUE)]
    target = BytesIO()
    frames[0].save(target, format_, save_all=True, append_images=frames[1:], duration=100)
    return target.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG with many pixels, all black (a decompression bomb)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def files(media: Path) -> list[Path]:
    return sorted(path for path in media.rglob("*") if path.is_file())
