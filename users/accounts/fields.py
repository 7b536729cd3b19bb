"""Model fields that several apps share."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models.expressions import Combinable

if TYPE_CHECKING:
    from users.accounts.models import User


def user_key(
    related_name: str = "+", **options: Any
) -> "models.ForeignKey[User | Combinable, User]":
    """Return a foreign key to a user that cascades and has no index.

    Each model declares an index that begins with this column, so a second one is redundant.
    """
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name=related_name,
        db_index=False,
        **options,
    )
