"""The conditions by which people are listed; each has an index."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db.models import Exists, F, Func, OuterRef, Q, TextField, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan

from core.db import storable
from users.accounts.identifiers import canonical
from users.accounts.orders import NEVER, UserOrderField


class EmailDomain(Func):
    """What follows the @; an address in canonical form has one."""

    function = "split_part"
    output_field = TextField()

    def __init__(self, email: str = "email") -> None:
        """Take the column of the address."""
        super().__init__(F(email), Value("@"), Value(2))


@dataclass
class Period:
    """A time from ``since`` on, until ``before``; either may be open."""

    since: dt.datetime | None = None
    before: dt.datetime | None = None

    def contains(self, moment: Any) -> Q:
        """Return the condition that an expression is within."""
        conditions: list[Any] = []
        if self.since is not None:
            conditions.append(GreaterThanOrEqual(moment, self.since))
        if self.before is not None:
            conditions.append(LessThan(moment, self.before))
        return Q(*conditions)


USER_FILTERS: Final[Mapping[str, Callable[[Any], Q]]] = {
    "is_active": lambda active: Q(is_active=active),
    "is_verified": lambda verified: Q(email_verified_at__isnull=not verified),
    "is_staff": lambda staff: Q(is_staff=staff),
    "joined": lambda period: period.contains(F("date_joined")),
    "last_seen": lambda period: period.contains(Coalesce("last_seen__at", NEVER)),
    "email_domain": lambda domain: Q(Exact(EmailDomain(), canonical(domain))),
    "locale": lambda locale: Q(profile__locale=storable(locale)),
}
# Conditions would tell strangers what the fields do not.
PRIVATE_FILTERS: Final = USER_FILTERS.keys() - {"joined"}
# The order whose index serves the condition, too.
ORDERS_OF_FILTERS: Final[Mapping[str, UserOrderField]] = {
    "joined": UserOrderField.JOINED,
    "last_seen": UserOrderField.LAST_SEEN,
    "email_domain": UserOrderField.EMAIL,
}


def is_in_group(group_id: int) -> Q:
    """Return the condition that a person is in a group; private, too."""
    return Q(Exists(Group.objects.filter(pk=group_id, user=OuterRef("pk"))))
