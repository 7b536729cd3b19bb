"""The shades of the service's colour, with the contrasts of WCAG 2.2 (1.4.3)."""

import re
from typing import Final

HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
WHITE: Final = (255, 255, 255)
BLACK: Final = (0, 0, 0)
# The lightest grey of our pages that has text in the service's colour, and the darkest.
LIGHT: Final = (243, 244, 246)
DARK: Final = (27, 32, 48)
MIN_CONTRAST: Final = 4.5
# Below it, a channel of sRGB is linear.
LINEAR: Final = 0.04045

RGB = tuple[int, int, int]


def parse_color(text: str) -> str:
    """Return a colour such as `#0f6b60`. Raises `ValueError`, also if it is too light."""
    if not HEX.fullmatch(text) or contrast(_rgb(text), LIGHT) < MIN_CONTRAST:
        raise ValueError(text)
    return text.lower()


def shades(color: str) -> dict[str, str]:
    """Return the colour in eleven shades, from `50` to `950`; it is `600` itself.

    `500` is legible on dark pages.
    """
    base = _rgb(color)
    bright = next(
        mixed
        for mixed in (_mix(base, WHITE, share / 20) for share in range(20, 0, -1))
        if contrast(mixed, DARK) >= MIN_CONTRAST
    )
    lighter = {"50": 0.08, "100": 0.18, "200": 0.35, "300": 0.6, "400": 0.8, "500": 1.0}
    darker = {"600": 1.0, "700": 0.87, "800": 0.72, "900": 0.58, "950": 0.35}
    return {name: _hex(_mix(bright, WHITE, share)) for name, share in lighter.items()} | {
        name: _hex(_mix(base, BLACK, share)) for name, share in darker.items()
    }


def contrast(one: RGB, other: RGB) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: RGB) -> float:
    parts = (channel / 255 for channel in color)
    red, green, blue = (
        part / 12.92 if part <= LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(color: RGB, other: RGB, share: float) -> RGB:
    red, green, blue = (
        round(one * share + two * (1 - share)) for one, two in zip(color, other, strict=True)
    )
    return red, green, blue


def _rgb(text: str) -> RGB:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex(color: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
