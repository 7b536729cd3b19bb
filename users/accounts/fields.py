"""Fields that models of several apps have."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models.expressions import Combinable

if TYPE_CHECKING:
    from users.accounts.models import User


def user_key(
    related_name: str = "+", **options: Any
) -> "models.ForeignKey[User | Combinable, User]":
    """Return a foreign key to a user, with whom the row is deleted.

    It has no index of its own: the indexes that begin with it are declared by its models.
    """
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name=related_name,
        db_index=False,
        **options,
    )
