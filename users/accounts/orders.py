"""Orderings of users; an index serves each."""

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Coalesce

from core.database.search.texts import in_name_order

NEVER: Final = Value(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), output_field=DateTimeField())


class UserOrderField(Enum):
    """A field by which users can be ordered."""

    USERNAME = "username"
    NAME = "name"
    EMAIL = "email"
    JOINED = "joined"
    LAST_SEEN = "last_seen"


# Keyset pagination requires terms that are unique together and never NULL: the id breaks ties.
USER_ORDERS: Final[Mapping[UserOrderField, tuple[Any, ...]]] = {
    UserOrderField.USERNAME: (F("username"),),
    UserOrderField.NAME: (in_name_order("name"), F("id")),
    UserOrderField.EMAIL: (F("email"),),
    UserOrderField.JOINED: (F("date_joined"), F("id")),
    UserOrderField.LAST_SEEN: (Coalesce("last_seen__at", NEVER), F("last_seen__user")),
}
# Ordering by a private field would disclose its values: an inference side channel.
PRIVATE_ORDERS: Final = frozenset({UserOrderField.EMAIL, UserOrderField.LAST_SEEN})
