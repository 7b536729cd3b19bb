"""The version of entities."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from core.versions.models import VersionPart
from core.versions.touches import TOUCH_ENTITIES
from engine.sql.keys import uuid_array_text
from engine.sql.statements import Param, Statement

_SQL: Final = (
    f"SELECT COALESCE(BIT_XOR(value), 0) FROM {VersionPart._meta.db_table}"  # noqa: S608
    " WHERE entity = ANY(%s::uuid[])"
)
_PARAMS: Final = (Param.named("entities"),)
VERSION: Final = Statement(DEFAULT_DB_ALIAS, _SQL, _PARAMS)


def version_column() -> RawSQL:
    """Return a column with the common version of the entities that are the statement's value.

    In the statement that authenticates the request, it costs no round trip.
    """
    return RawSQL(f"({_SQL})", _PARAMS, BigIntegerField())  # noqa: S611 - no value is written into it


def version_of(*keys: str) -> RawSQL:
    """Return a column with the common version of the entities that SQL's expressions name."""
    array = f"ARRAY[{', '.join(keys)}]"
    return RawSQL(f"({_SQL % array})", (), BigIntegerField())  # noqa: S611 - of columns


def version_values(entities: Iterable[UUID]) -> dict[str, Any]:
    """Return the value of `version_column`."""
    return {"entities": uuid_array_text(map(str, entities))}


def read_version(entities: Iterable[UUID]) -> int:
    """Return the common version of entities.

    It changes with each of them, and is 0 while none has changed. Read it before the data that it
    is to stand for, and not in a transaction.
    """
    ((version,),) = VERSION.rows(version_values(entities))
    return int(version)


def touch(entities: Iterable[UUID], function: str = TOUCH_ENTITIES) -> None:
    """Change the version of entities, though none of their rows has changed."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s::uuid[])", [list(entities)])
