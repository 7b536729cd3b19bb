"""Extensions of types by the apps above them."""

import pytest
import strawberry_django
from strawberry import auto
from strawberry.types import get_object_definition

from schema.accounts.types.users import User
from schema.authentication.types.user_fields import AuthenticationFields
from schema.extend import extend_type
from schema.organizations.types import OrganizationsFields
from schema.privacy.types import PrivacyFields
from schema.root import schema
from users.accounts import models
from users.organizations.models import Organization


@strawberry_django.type(models.User)
class Person:
    username: auto


def test_the_user_has_the_fields_of_all_apps() -> None:
    fields = {field.name for field in schema.get_fields(get_object_definition(User, strict=True))}

    for extension in (AuthenticationFields, OrganizationsFields, PrivacyFields):
        own = {field.name for field in get_object_definition(extension, strict=True).fields}
        assert own
        assert own <= fields


def test_extension_of_another_model_is_refused() -> None:
    @strawberry_django.type(Organization)
    class Name:
        name: auto

    with pytest.raises(TypeError, match="Name extends Person, of another model"):
        extend_type(Person, Name)
    assert [field.name for field in get_object_definition(Person, strict=True).fields] == [
        "username"
    ]


def test_field_that_exists_is_refused() -> None:
    @strawberry_django.type(models.User)
    class Names:
        username: auto

    with pytest.raises(TypeError, match="Person already has the field username"):
        extend_type(Person, Names)
