"""Reads of people, and who may see whom."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.actor import Actor
from users.accounts.identifiers import canonical

if TYPE_CHECKING:
    from users.accounts.models import SignUp, User


class UserQuerySet(models.QuerySet["User"]):
    """People."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see everybody; others see themselves and active people who chose to be public."""
        if actor.is_staff:
            return self
        if not actor.is_authenticated:
            return self.none()
        return self.filter(Q(pk=actor.user_id) | Q(is_public=True, is_active=True))

    def administrators(self) -> Self:
        """Those who may do everything."""
        return self.filter(is_superuser=True, is_active=True)

    def with_login(self, login: str) -> Self:
        """Find the person by e-mail address or username, in whatever case it is typed."""
        # PostgreSQL's text cannot hold NUL, and no identifier holds its replacement.
        identifier = canonical(login).replace("\0", "\N{REPLACEMENT CHARACTER}")
        return self.filter(**{"email" if "@" in identifier else "username": identifier})


class SignUpQuerySet(models.QuerySet["SignUp"]):
    """Sign-ups that wait for verification."""

    def expired(self) -> Self:
        """Those whose link no longer works and whose username is free again."""
        return self.filter(expires_at__lte=timezone.now())
