"""Avatars: storage, replacement and serving."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from django.core.checks import run_checks
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import Client, override_settings
from PIL import ExifTags, Image, PngImagePlugin

from tests.support.captured import Statements
from tests.support.client import Answer, GraphQLClient, run_concurrently
from tests.support.factories import make_token, make_user, node_id
from tests.support.images import BLUE, GREEN, RED, SET, animated, files, make_image
from tests.support.signing_in import log_in_by_cookie, tags
from tests.support.sink import Sink
from tests.support.waiting import meanwhile
from users.accounts.avatars.images import AvatarSize
from users.accounts.models import Profile, User
from users.accounts.tasks import remove_former_avatar
from users.activity.models import Event
from users.activity.tags import Tag

Capture = Callable[[], AbstractContextManager[Statements]]
ClientOf = Callable[[User], GraphQLClient]

pytestmark = pytest.mark.usefixtures("media")

REMOVE = "mutation { removeAvatar { user { avatar { url } } errors { code field } } }"
REMOVE_ANYBODYS = """
    mutation ($id: ID!) {
      removeUserAvatar(input: {userId: $id}) { user { avatar { url } } errors { code field } }
    }
"""
SHOWN = """
    { me {
      avatar { url width height }
      small: avatar(size: SMALL) { url } large: avatar(size: LARGE) { url }
    } }
"""


def served(url: str) -> Any:
    return Client().get(url.removeprefix("http://testserver"))


def shown(response: Any) -> Image.Image:
    image = Image.open(BytesIO(response.content))
    assert image.format == "WEBP"
    return image.convert("RGB")


def is_about(colour: Any, expected: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 40 for one, other in zip(colour, expected, strict=True))


# Storage ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "mode"),
    [
        *(("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK")),
        *(("PNG", "RGB"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "1")),
        *(("WEBP", "RGB"), ("WEBP", "RGBA")),
    ],
)
def test_avatar_is_stored_as_squares(
    upload: Callable[..., Answer], client_of: ClientOf, alice: User, format_: str, mode: str
) -> None:
    answer = upload(make_image(format_, (600, 400), mode))
    payload = answer.data["setAvatar"]
    assert payload["errors"] == []
    assert payload["user"]["avatar"] == {"url": ANY, "width": 256, "height": 256}
    me = client_of(alice)(SHOWN).data["me"]
    assert me["avatar"] == payload["user"]["avatar"]
    for size, name in ((64, "small"), (256, "avatar"), (512, "large")):
        image = shown(served(me[name]["url"]))
        assert image.size == (size, size)
        if mode in {"RGB", "RGBA", "P", "CMYK"}:
            # The centred square; the sides are cropped.
            assert is_about(image.getpixel((size // 4, size // 2)), RED)
            assert is_about(image.getpixel((3 * size // 4, size // 2)), BLUE)
    assert tags() == [Tag.AVATAR_CHANGED]


def test_metadata_are_stripped(upload: Callable[..., Answer], media: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Secret camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "Secret words")
    texts.add_itxt("XML:com.adobe.xmp", "<x>Secret packet</x>")
    profile = b"Secret profile" * 20
    for file in (
        make_image("JPEG", exif=exif, comment=b"Secret comment", icc_profile=profile),
        make_image("PNG", exif=exif, pnginfo=texts),
    ):
        assert b"Secret" in file
        assert upload(file).problems == []
        for path in files(media):
            kept = path.read_bytes()
            assert b"Secret" not in kept
            assert not {b"EXIF", b"XMP ", b"ICCP"} & {kept[at : at + 4] for at in range(len(kept))}
            with Image.open(path) as image:
                assert not image.getexif()


def test_orientation_is_applied(upload: Callable[..., Answer]) -> None:
    exif = Image.Exif()
    # EXIF orientation: the left side is at the top.
    exif[ExifTags.Base.Orientation] = 6
    url = upload(make_image("JPEG", (80, 80), exif=exif)).data["setAvatar"]["user"]["avatar"]["url"]
    image = shown(served(url))
    assert is_about(image.getpixel((128, 64)), RED)
    assert is_about(image.getpixel((128, 192)), BLUE)


def test_transparency_is_kept(upload: Callable[..., Answer], media: Path) -> None:
    target = BytesIO()
    Image.new("RGBA", (50, 50), (*GREEN, 0)).save(target, "PNG")
    assert upload(target.getvalue()).problems == []
    for path in files(media):
        with Image.open(path) as image:
            assert image.convert("RGBA").getpixel((9, 9)) == (ANY, ANY, ANY, 0)


def test_names_cannot_be_guessed_and_change(
    upload: Callable[..., Answer], alice: User, media: Path
) -> None:
    keys = set()
    for _time in range(2):
        assert upload(make_image()).problems == []
        keys.add(Profile.objects.get(user=alice).avatar)
    assert len(keys) == 2
    for key in keys:
        assert len(key) == 32
        int(key, 16)
    names = [str(path.relative_to(media)) for path in files(media)]
    assert len(names) == 6
    assert not any("alice" in name or str(alice.pk) in name for name in names)


def test_photograph_with_a_preview_is_not_animated(upload: Callable[..., Answer]) -> None:
    assert upload(animated("MPO")).problems == []


# Replacement -----------------------------------------------------------------------------


def test_former_files_are_removed_by_the_worker(worker: Sink, settings: Any) -> None:
    # A worker process would use the directory of the environment.
    media = Path(os.environ["MEDIA_ROOT"])
    settings.MEDIA_ROOT = str(media)
    client = GraphQLClient(make_token(make_user("alice")))

    def upload(file: bytes) -> list[Path]:
        assert client.upload(SET, file).problems == []
        return list(media.rglob(f"*{Profile.objects.get().avatar}*"))

    former, present = upload(make_image()), upload(make_image("PNG"))
    assert len(former) == len(present) == 3
    give_up = time.monotonic() + 20
    while any(path.exists() for path in former):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert all(path.exists() for path in present)


def test_files_that_are_gone_are_removed_again(
    upload: Callable[..., Answer], alice: User, media: Path
) -> None:
    for _time in range(2):
        assert upload(make_image()).problems == []
    assert len(files(media)) == 6
    for _delivery in range(2):
        remove_former_avatar(str(Event.objects.latest("pk").pk))
        key = Profile.objects.get(user=alice).avatar
        assert [path.name[:32] for path in files(media)] == [key] * 3


def test_removing(
    upload: Callable[..., Answer], client_of: ClientOf, alice: User, media: Path
) -> None:
    assert client_of(alice)(REMOVE).problems == []
    assert tags() == []
    url = upload(make_image()).data["setAvatar"]["user"]["avatar"]["url"]
    answer = client_of(alice)(REMOVE)
    assert answer.data["removeAvatar"]["user"] == {"avatar": None}
    assert tags() == [Tag.AVATAR_CHANGED, Tag.AVATAR_REMOVED]
    remove_former_avatar(str(Event.objects.latest("pk").pk))
    assert files(media) == []
    assert served(url).status_code == 404


def test_staff_remove_all_avatars_and_users_their_own(
    upload: Callable[..., Answer], client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    assert upload(make_image()).problems == []
    assert client_of(bob)(REMOVE_ANYBODYS, id=node_id(alice)).codes == ["FORBIDDEN"]
    assert Profile.objects.get(user=alice).avatar
    assert client_of(sam)(REMOVE_ANYBODYS, id=node_id(alice)).problems == []
    assert Profile.objects.get(user=alice).avatar == ""
    assert client_of(sam)(REMOVE_ANYBODYS, id="x").problems == [("NOT_FOUND", "userId")]


def test_files_are_gone_if_the_change_fails(
    upload: Callable[..., Answer], alice: User, media: Path
) -> None:
    Profile.objects.filter(user=alice).delete()
    assert upload(make_image()).codes == ["INTERNAL_ERROR"]
    assert files(media) == []


def test_concurrent_uploads_keep_one_avatar_and_record_the_other(
    transactional_db: None, media: Path
) -> None:
    client = GraphQLClient(make_token(make_user("alice")))

    def upload() -> list[tuple[str, str]]:
        while (answer := client.upload(SET, make_image())).codes == ["SERVICE_BUSY"]:
            time.sleep(0.05)
        return answer.problems

    assert run_concurrently(*[upload] * 4) == [[]] * 4
    former = [event.data["former"] for event in Event.objects.order_by("pk")]
    kept = {path.name[:32] for path in files(media)}
    assert kept == {*former, Profile.objects.get().avatar} - {""}
    assert len(kept) == 4


def test_replaced_avatar_is_recorded_after_a_wait(transactional_db: None, media: Path) -> None:
    alice, other = make_user("alice"), "f" * 32
    client = GraphQLClient(make_token(alice))
    answer = meanwhile(
        alice,
        lambda: client.upload(SET, make_image()),
        lambda: Profile.objects.filter(user=alice).update(avatar=other),
    )
    assert answer.problems == []
    assert Event.objects.get().data["former"] == other


# Serving ---------------------------------------------------------------------------------


def test_avatars_are_served_with_safe_headers(upload: Callable[..., Answer]) -> None:
    url = upload(make_image()).data["setAvatar"]["user"]["avatar"]["url"]
    assert url.startswith("http://testserver/media/avatars/")
    response = served(url)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/webp"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "max-age" in response.headers["Cache-Control"]
    assert Client().post(url.removeprefix("http://testserver")).status_code == 405


def test_avatars_are_public_and_need_no_query(
    upload: Callable[..., Answer], statements: Capture
) -> None:
    url = upload(make_image()).data["setAvatar"]["user"]["avatar"]["url"]
    browser = log_in_by_cookie().http
    with statements() as captured:
        response: Any = browser.get(url.removeprefix("http://testserver"))
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert captured == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "avatars/",
        "secret.txt",
        "../secret.txt",
        "avatars/../secret.txt",
        "avatars/00/../../secret.txt",
        "%2e%2e/secret.txt",
        f"avatars/00/{'0' * 32}-64.webp",
        f"avatars/00/{'0' * 32}-64.webp%00",
        f"avatars/00/{'0' * 32}-64.webp%0a",
        f"avatars/00/{'0' * 32}-64.html",
    ],
)
def test_other_files_are_not_served(media: Path, name: str) -> None:
    (media / "secret.txt").write_text("secret")
    (media / "avatars").mkdir()
    assert default_storage.exists("secret.txt")
    assert Client().get(f"/media/{name}").status_code == 404


class SigningStorage(FileSystemStorage):
    """Adds a signature that expires, as buckets do by default."""

    def url(self, name: str | None) -> str:
        return f"{super().url(name)}?expires={time.time()}"


def test_storage_whose_urls_expire_is_refused(settings: Any) -> None:
    assert "roster.E002" not in {each.id for each in run_checks()}
    backend = {"BACKEND": f"{__name__}.{SigningStorage.__name__}", "OPTIONS": {"location": "/tmp"}}  # noqa: S108 - nothing is written
    with override_settings(STORAGES=settings.STORAGES | {"default": backend}):
        (found,) = [each for each in run_checks() if each.id == "roster.E002"]
    assert "querystring_auth" in (found.hint or "")


def test_avatar_sizes_match_the_documentation() -> None:
    assert [size.value for size in AvatarSize] == [64, 256, 512]
