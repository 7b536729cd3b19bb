"""The table of versions."""

from django.db import models


class VersionPart(models.Model):
    """One of the numbers whose XOR is an entity's version.

    PostgreSQL's function `touch_entities` gives a part that no other transaction holds a new random
    value, and inserts a part if there is none. So an entity has as many parts as transactions have
    ever touched it at the same time, and none before its first change. Deleting a part could repeat
    a version.
    """

    pk = models.CompositePrimaryKey("entity", "part")
    entity = models.UUIDField()
    # Random, so that concurrent inserts never meet in the index, where one would wait.
    part = models.BigIntegerField()
    value = models.BigIntegerField()

    class Meta:
        """Found by the primary key only, so that PostgreSQL updates values in place (HOT)."""

        default_permissions = ()

    def __str__(self) -> str:
        """Return the entity's key."""
        return str(self.entity)
