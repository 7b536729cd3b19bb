"""Segments of users by domain and language."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from users.accounts.expressions import EmailDomain
from users.accounts.models import Profile, User
from users.activity.analytics import OTHERS, AnalyticsDimension
from users.activity.segments import Occurrence, register_segments

# With fewer users, a domain may be that of a person or a family.
MIN_USERS_OF_DOMAIN: Final = 5


@register_segments(AnalyticsDimension.DOMAIN)
def _domains(occurrences: Sequence[Occurrence]) -> list[str]:
    """Return the domains that enough users share; an index finds that many of them."""
    sharing = User.objects.annotate(domain=EmailDomain()).filter(domain=OuterRef("domain"))
    enough = sharing.order_by("email")[MIN_USERS_OF_DOMAIN - 1 : MIN_USERS_OF_DOMAIN]
    users = User.objects.exclude_service_accounts().filter(pk__in=_ids(occurrences), erased_at=None)
    shared = users.annotate(domain=EmailDomain()).filter(Exists(enough))
    return _by_user(occurrences, shared.values_list("pk", "domain"))


@register_segments(AnalyticsDimension.LOCALE)
def _locales(occurrences: Sequence[Occurrence]) -> list[str]:
    profiles = Profile.objects.filter(user__in=_ids(occurrences))
    return _by_user(occurrences, profiles.values_list("user_id", "locale"))


def _ids(occurrences: Sequence[Occurrence]) -> set[UUID]:
    return {each.user_id for each in occurrences if each.user_id is not None}


def _by_user(occurrences: Sequence[Occurrence], segments: Iterable[tuple[UUID, str]]) -> list[str]:
    found = dict(segments)
    return [found.get(each.user_id, OTHERS) if each.user_id else OTHERS for each in occurrences]
