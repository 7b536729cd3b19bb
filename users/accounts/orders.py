"""The orders in which people are listed; each has an index."""

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Coalesce, Lower

NEVER: Final = Value(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), output_field=DateTimeField())


class UserOrderField(Enum):
    """What people can be ordered by."""

    USERNAME = "username"
    NAME = "name"
    EMAIL = "email"
    JOINED = "joined"
    LAST_SEEN = "last_seen"


# Together unique, and never NULL: the id tells apart who is equal otherwise.
USER_ORDERS: Final[Mapping[UserOrderField, tuple[Any, ...]]] = {
    UserOrderField.USERNAME: (F("username"),),
    UserOrderField.NAME: (Lower("name"), F("id")),
    UserOrderField.EMAIL: (F("email"),),
    UserOrderField.JOINED: (F("date_joined"), F("id")),
    UserOrderField.LAST_SEEN: (Coalesce("last_seen__at", NEVER), F("last_seen__user")),
}
# Orders would tell strangers what the fields do not.
PRIVATE_ORDERS: Final = frozenset({UserOrderField.EMAIL, UserOrderField.LAST_SEEN})
