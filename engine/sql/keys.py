"""Keys of the objects of a level, as bind parameters and conditions."""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db.models import BooleanField, F, Func, Q, UUIDField
from django.db.models.expressions import BaseExpression

from engine.sql.statements import Param

# Maps the name of a value to its bind parameter, or to the value itself.
Bind: TypeAlias = Callable[[str], Any]
# The name of the value that holds the keys of a level of objects.
KEYS: Final = "keys"


class _EqualsAny(Func):
    """Whether a value is in an array: `= ANY` uses an index, `IN` may join."""

    arg_joiner = " = ANY "
    template = "%(expressions)s"
    output_field = BooleanField()


def is_uuid(field: Any) -> bool:
    """Return whether a model field is a UUID, or a foreign key to one."""
    while field.remote_field:
        field = field.target_field
    return isinstance(field, UUIDField)


def bind_keys(bind: Bind, field: Any) -> Any:
    """Return the bind parameter for the keys of a level, as PostgreSQL reads them."""
    keys = bind(KEYS)
    return keys.then(uuid_array_text) if isinstance(keys, Param) and is_uuid(field) else keys


def bind_only_key(bind: Bind) -> Any:
    """Return the bind parameter for the key of the only object."""
    keys = bind(KEYS)
    first = itemgetter(0)
    return keys.then(first) if isinstance(keys, Param) else first(keys)


def to_python_values(field: Any, texts: Sequence[Any]) -> Sequence[Any]:
    """Return a column's values as the model field has them: sources read UUIDs as text."""
    if not is_uuid(field):
        return texts
    return [None if text is None else UUID(text) for text in texts]


def equals_any(path: str, keys: Any) -> Any:
    """Return the condition that the column's value is one of the keys.

    ``keys`` are values, or an expression for an array of them, such as a bind parameter.
    """
    if isinstance(keys, BaseExpression):
        return _EqualsAny(F(path), Func(keys, template="(%(expressions)s)"))
    return Q(**{f"{path}__in": list(keys)})


def uuid_array_text(ids: Iterable[str]) -> str:
    """Return PostgreSQL's text of an array of UUIDs, which are texts."""
    return f"{{{','.join(ids)}}}"
