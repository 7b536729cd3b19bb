"""Fields that an app adds to a type of an app below (`extend type`)."""

from typing import Any

from strawberry.types import get_object_definition
from strawberry_django.utils.typing import get_django_definition


def extend_type(type_: type[Any], *extensions: type[Any]) -> None:
    """Add the fields of extensions to a type.

    Each extension is a Django type of the same model. For types that refer to each other across
    apps: an app's types import the extended one, which does not know them. Call it before the
    schema is built. Raises `TypeError` for an extension of another model, and for a field that
    exists already.
    """
    definition = get_object_definition(type_, strict=True)
    model = get_django_definition(type_, strict=True).model
    names = {field.python_name for field in definition.fields}
    for extension in extensions:
        if get_django_definition(extension, strict=True).model is not model:
            raise TypeError(f"{extension.__name__} extends {type_.__name__}, of another model.")
        for field in get_object_definition(extension, strict=True).fields:
            if field.python_name in names:
                raise TypeError(f"{type_.__name__} already has the field {field.python_name}.")
            names.add(field.python_name)
            definition.fields.append(field)
