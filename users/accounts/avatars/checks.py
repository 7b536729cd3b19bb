"""System checks of the avatars' storage."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

from users.accounts.avatars.images import AvatarSize
from users.accounts.avatars.storage import avatar_url


def check_avatar_urls(**_arguments: Any) -> list[CheckMessage]:
    """Return an error (`roster.E002`) if the URLs of avatars expire.

    They are in cached answers, and on pages that stay open.
    """
    if not settings.KEEPS_FILES or not urlsplit(avatar_url("0" * 32, AvatarSize.SMALL)).query:
        return []
    message = "The storage signs the URLs of avatars, so they expire."
    hint = 'Set "querystring_auth": false in MEDIA_STORAGE_OPTIONS; avatars are public.'
    return [Error(message, hint, id="roster.E002")]
