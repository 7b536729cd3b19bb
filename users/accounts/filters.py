"""The conditions by which people are listed; each has an index."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan
from django.utils.translation import gettext as _

from core.db import storable
from core.errors import ArgumentInvalidError
from users.accounts.expressions import EmailDomain
from users.accounts.identifiers import canonical
from users.accounts.metadata import normalized
from users.accounts.models import LastSeen, Metadata, Profile
from users.accounts.orders import NEVER, USER_ORDERS, UserOrderField

SEEN: Final = Coalesce("at", NEVER)


def contained_metadata(value: object) -> Any:
    """Return the JSON that people's metadata are to contain. Raises `ArgumentInvalidError`.

    It has a value in it somewhere: empty objects and lists are in no index.
    """
    try:
        contained = normalized(value)
    except ValidationError as error:
        raise ArgumentInvalidError(" ".join(error.messages)) from None
    if not (isinstance(contained, dict) and _has_value(contained)):
        raise ArgumentInvalidError(_("Give an object with a value in it."))
    return contained


def _has_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_value, value.values()))
    return any(map(_has_value, value)) if isinstance(value, list) else True


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
    "group": lambda group_id: Q(
        Exists(Group.user_set.through.objects.filter(user=OuterRef("pk"), group=group_id))
    ),
    "joined": lambda period: period.contains(F("date_joined")),
    "last_seen": lambda period: Q(
        Exists(LastSeen.objects.filter(period.contains(SEEN), user=OuterRef("pk")))
    ),
    "email_domain": lambda domain: Q(Exact(EmailDomain(), canonical(domain))),
    "public_metadata": lambda contained: Q(
        Exists(Metadata.objects.filter(user=OuterRef("pk"), public__contains=contained))
    ),
    "private_metadata": lambda contained: Q(
        Exists(Metadata.objects.filter(user=OuterRef("pk"), private__contains=contained))
    ),
    "locale": lambda locale: Q(
        Exists(Profile.objects.filter(user=OuterRef("pk"), locale=storable(locale)))
    ),
}
# Conditions would tell strangers what the fields do not.
PRIVATE_FILTERS: Final = USER_FILTERS.keys() - {"joined", "public_metadata"}
# Conditions that are met by a part of an order's index.
FILTERS_IN_ORDER: Final[Mapping[tuple[str, UserOrderField], Callable[[Any], Q]]] = {
    ("joined", UserOrderField.JOINED): USER_FILTERS["joined"],
    ("last_seen", UserOrderField.LAST_SEEN): lambda period: period.contains(
        USER_ORDERS[UserOrderField.LAST_SEEN][0]
    ),
    ("email_domain", UserOrderField.EMAIL): USER_FILTERS["email_domain"],
}
