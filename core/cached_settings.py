"""Django's settings, for code that every request runs."""

from typing import Final, cast

from django.conf import LazySettings
from django.conf import settings as lazy_settings


class CachedSettings:
    """Reads the settings from the dictionary in which Django's lazy object caches them.

    Django empties the dictionary when settings are overridden. Its lazy object calls a method for
    each access, thirty times a request.
    """

    def __init__(self) -> None:
        """Share the dictionary."""
        self.__dict__ = vars(lazy_settings)

    def __getattr__(self, name: str) -> object:
        """Let Django look up a setting, and cache it."""
        return getattr(lazy_settings, name)


settings: Final = cast("LazySettings", CachedSettings())
