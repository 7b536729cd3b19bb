"""Avatar uploads: invalid, oversized and too frequent ones are rejected."""

import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Answer, GraphQLClient
from tests.support.images import SET, animated, bomb, files, make_image
from tests.support.signing_in import tags
from users.accounts import throttling
from users.accounts.avatars import images
from users.accounts.models import Profile, User

ClientOf = Callable[[User], GraphQLClient]

pytestmark = pytest.mark.usefixtures("media")

INVALID, TOO_LARGE = [("IMAGE_INVALID", "image")], [("IMAGE_TOO_LARGE", "image")]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"not an image",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><script>alert(1)</script></html>",
        make_image("GIF"),
        animated("WEBP"),
        make_image("BMP"),
        make_image("TIFF"),
        make_image("PPM"),
        make_image("ICO"),
        animated("GIF"),
        animated("PNG"),
        make_image()[:200],
        make_image("PNG")[:60],
        make_image("PNG")[:8] + b"\0" * 100,
        b"\xff\xd8\xff" + b"\xff" * 1_000,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
    ids=range(17),
)
def test_invalid_images_are_refused_and_leave_no_file(
    upload: Callable[..., Answer], alice: User, media: Path, file: bytes
) -> None:
    answer = upload(file)
    assert answer.problems == INVALID
    assert "JPEG" in answer.data["setAvatar"]["errors"][0]["message"]
    assert Profile.objects.get(user=alice).avatar == ""
    assert files(media) == []
    assert tags() == []


@pytest.mark.parametrize(
    "size", [(60_000, 60_000), (30_000, 30_000), (5_001, 5_000), (65_500, 400)]
)
def test_decompression_bombs_are_refused(
    upload: Callable[..., Answer], media: Path, size: tuple[int, int]
) -> None:
    width, height = size
    if width * height > 1_000_000_000:
        # Only the header has these dimensions; the pixels must not be decoded.
        file = bomb(width, 1)
        file = file[:20] + height.to_bytes(4, "big") + file[24:]
        file = file[:29] + zlib.crc32(file[12:29]).to_bytes(4, "big") + file[33:]
    else:
        file = bomb(width, height)
    assert len(file) < 1_000_000
    assert upload(file).problems == TOO_LARGE
    assert files(media) == []


def test_too_many_bytes_are_refused(
    upload: Callable[..., Answer], settings: Any, media: Path
) -> None:
    settings.AVATAR_MAX_BYTES = 1_000
    assert upload(make_image("BMP")).problems == TOO_LARGE
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = upload(make_image("BMP"))
    assert (answer.status, answer.codes) == (413, ["BODY_TOO_LARGE"])
    assert files(media) == []


def test_damaged_images_never_cause_a_server_error(
    upload: Callable[..., Answer], alice: User, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = replace(throttling.AVATARS_PER_USER, count=1_000)
    monkeypatch.setattr(throttling, "AVATARS_PER_USER", many)
    rng = random.Random(7)  # noqa: S311 - to be the same each time
    originals = [
        make_image("JPEG"),
        make_image("PNG"),
        make_image("PNG", mode="P"),
        animated("PNG"),
    ]
    outcomes = set()
    for number in range(120):
        file = bytearray(originals[number % len(originals)])
        for _change in range(rng.randint(1, 20)):
            file[rng.randrange(len(file))] = rng.randrange(256)
        answer = upload(bytes(file[: rng.choice([len(file), rng.randrange(len(file))])]))
        assert answer.codes == []
        outcomes.add(tuple(answer.problems))
    assert outcomes <= {(), tuple(INVALID), tuple(TOO_LARGE)}
    assert tuple(INVALID) in outcomes


def test_avatar_changes_are_rate_limited(upload: Callable[..., Answer], media: Path) -> None:
    for _time in range(20):
        assert upload(b"x").problems == INVALID
    assert upload(make_image()).codes == ["TOO_MANY_ATTEMPTS"]
    assert files(media) == []


def test_busy_decoder_refunds_the_attempt(
    upload: Callable[..., Answer], media: Path, settings: Any
) -> None:
    settings.WEB_THREADS = 3
    with images.DECODERS:
        for _time in range(30):
            assert upload(make_image()).codes == ["SERVICE_BUSY"]
    assert upload(make_image()).problems == []


def test_anonymous_clients_cannot_upload(anonymous: GraphQLClient, media: Path) -> None:
    assert anonymous.upload(SET, make_image()).codes == ["UNAUTHENTICATED"]
    assert files(media) == []


def test_disabled_uploads_are_reported(
    upload: Callable[..., Answer], settings: Any, media: Path
) -> None:
    settings.KEEPS_FILES = False
    assert upload(make_image()).problems == [("UPLOADS_OFF", "image")]
    assert files(media) == []


def test_non_file_values_are_refused(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    for image in ("text", 1, {"a": 1}, ["x"]):
        assert client(SET, image=image).codes == ["GRAPHQL_VARIABLES_INVALID"]
    literal = 'mutation { setAvatar(input: {image: "text"}) { errors { code } } }'
    assert client(literal).codes == ["GRAPHQL_VALIDATION_FAILED"]
