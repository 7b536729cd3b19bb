"""The version of entities, as an expression of any statement."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Expression, Func, UUIDField, Value
from django.db.models.expressions import BaseExpression

from core.versions.models import VersionPart

TEMPLATE: Final = (
    f"(SELECT COALESCE(BIT_XOR(value), 0) FROM {VersionPart._meta.db_table}"  # noqa: S608
    " WHERE entity = ANY(%(expressions)s::uuid[]))"
)


def version_of(entities: Sequence[UUID] | BaseExpression) -> Expression:
    """Return the common version of entities, by a list or an expression of their keys.

    It changes with each of them, and is 0 while none has changed. Read it before the data, and in
    no transaction: there, a second change leaves it as it is.
    """
    keys = (
        entities
        if isinstance(entities, BaseExpression)
        else Value(list(entities), output_field=ArrayField(UUIDField()))
    )
    return Func(keys, template=TEMPLATE, output_field=BigIntegerField())
