"""Omitted fields of update mutations keep their values.

The inputs are read from the schema: an input without a row here fails.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import Group
from graphql import get_named_type, is_input_object_type, is_required_input_field
from strawberry.types.base import StrawberryMaybe, StrawberryOptional

from tests.support.client import GraphQLClient
from tests.support.documents import SCHEMA
from tests.support.factories import make_organization, make_webhook, node_id
from users.accounts.models import Metadata, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations.models import Organization, Role
from users.webhooks.models import Webhook

ClientOf = Callable[[User], GraphQLClient]

PROFILE = {
    "name": ("Ada", "Ada L."),
    "isPublic": (True, False),
    "givenName": ("Ada", "Augusta"),
    "familyName": ("King", "Lovelace"),
    "nickname": ("ada", "al"),
    "bio": ("Counts.", "Computes."),
    "website": ("https://ada.example", "https://lovelace.example"),
    "locale": ("de", "en"),
    "timeZone": ("Europe/Berlin", "Europe/London"),
}
PERMISSIONS = (["accounts.view_user"], ["accounts.view_profile", "accounts.view_user"])


@dataclass(frozen=True)
class Update:
    """Two values per field; ``options`` are fields that control the update."""

    read: Callable[[], dict[str, Any]]
    target: Mapping[str, Any]
    values: Mapping[str, tuple[Any, Any]]
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def names(rows: Any) -> list[str]:
    return sorted(f"{row.content_type.app_label}.{row.codename}" for row in rows.all())


def read_profile() -> dict[str, Any]:
    user = User.objects.get(name__startswith="A")
    own = {"name": user.name, "isPublic": user.is_public}
    columns = {re.sub("[A-Z]", lambda each: f"_{each[0].lower()}", name): name for name in PROFILE}
    profile = {
        name: getattr(user.profile, column) for column, name in columns.items() if name not in own
    }
    return own | profile


def read_user() -> dict[str, Any]:
    user = User.objects.get(name__startswith="A")
    return read_profile() | {
        "email": user.email,
        "username": user.username,
        "isStaff": user.is_staff,
        "isSuperuser": user.is_superuser,
        "permissions": names(user.user_permissions),
        "groupIds": [node_id(group) for group in user.groups.order_by("pk")],
    }


def read_group() -> dict[str, Any]:
    group = Group.objects.latest("pk")
    return {"name": group.name, "permissions": names(group.permissions)}


def read_metadata() -> dict[str, Any]:
    row = Metadata.objects.get()
    return {"public": row.public, "private": row.private}


def read_webhook() -> dict[str, Any]:
    webhook = Webhook.objects.get()
    return {
        "url": webhook.url,
        "tags": [Tag(tag).name for tag in webhook.tags],  # type: ignore[call-arg]
        "selection": webhook.selection,
        "isEnabled": webhook.is_enabled,
    }


@pytest.fixture
def updates(alice: User, root: User) -> dict[str, Update]:
    groups = [node_id(Group.objects.create(name=name)) for name in ("Editors", "Authors")]
    organization = make_organization("Archers", root, role=Role.OWNER)
    user = {"userId": node_id(alice)}
    return {
        "updateProfile": Update(read_profile, {}, PROFILE),
        "updateUser": Update(
            read_user,
            user,
            {
                **PROFILE,
                "email": ("ada@example.org", "lovelace@example.org"),
                "username": ("ada", "lovelace"),
                "isStaff": (True, False),
                "isSuperuser": (True, False),
                "permissions": PERMISSIONS,
                "groupIds": (groups, groups[:1]),
            },
        ),
        "updateGroup": Update(
            read_group,
            {"groupId": groups[1]},
            {"name": ("Writers", "Poets"), "permissions": PERMISSIONS},
        ),
        "updateOrganization": Update(
            lambda: {"name": Organization.objects.get().name},
            {"organizationId": node_id(organization)},
            {"name": ("Archers", "Bowmen")},
        ),
        "updateMetadata": Update(
            read_metadata,
            user,
            {"public": ({"a": 1}, {"a": 2}), "private": ({"b": 1}, {"b": 2})},
            {
                "mode": ("MERGE", "REPLACE"),
                "expectedPublic": ({"a": 1},),
                "expectedPrivate": ({"b": 1},),
            },
        ),
        "updateWebhook": Update(
            read_webhook,
            {"webhookId": node_id(make_webhook(root))},
            {
                "url": ("https://ada.example/hook", "https://lovelace.example/hook"),
                "tags": (["USER_CHANGED"], ["GROUP_CHANGED", "USER_CHANGED"]),
                "selection": ("{ tag }", "{ tag data }"),
                "isEnabled": (True, False),
            },
        ),
    }


def input_types() -> dict[str, Any]:
    """Return the input types of the update mutations, by mutation."""
    types = {
        name: get_named_type(mutation.args["input"].type)
        for name, mutation in SCHEMA.mutation_type.fields.items()
        if "input" in mutation.args
    }
    return {
        name: type_
        for name, type_ in types.items()
        if name.startswith("update") or "Update" in type_.name
    }


def test_every_update_has_values(updates: dict[str, Update]) -> None:
    assert {name: set(type_.fields) for name, type_ in input_types().items()} == {
        name: {*update.target, *update.values, *update.options} for name, update in updates.items()
    }


@pytest.mark.parametrize("name", input_types())
def test_absent_fields_stay(
    client_of: ClientOf, alice: User, root: User, updates: dict[str, Update], name: str
) -> None:
    update, type_ = updates[name], input_types()[name]
    client = client_of(alice if name == "updateProfile" else root)
    document = (
        f"mutation ($input: {type_}!) {{ {name}(input: $input) {{ errors {{ code field }} }} }}"
    )
    first = {key: values[0] for key, values in update.values.items()}
    required = {
        key: first[key] for key in first if is_required_input_field(type_.fields[key])
    } | dict(update.target)

    def write(**fields: Any) -> None:
        assert client(document, input=required | fields).problems == []

    write(**first)
    assert update.read() == first
    for key, (before, after) in update.values.items():
        write(**{key: after})
        assert update.read() == first | {key: after}, key
        write(**{key: before})
    assert update.read() == first
    count = Event.objects.count()
    write()
    for key, values in update.options.items():
        for value in values:
            write(**{key: value})
    assert update.read() == first
    assert Event.objects.count() == count


def test_non_null_optional_fields_are_documented() -> None:
    # Without `check_nulls`, Strawberry rejects null for a `Maybe`: a literal with Python's terms, a
    # variable as an internal error.
    for name, kind in SCHEMA.type_map.items():
        definition = kind.extensions.get("strawberry-definition")
        for each in definition.fields if is_input_object_type(kind) else ():
            if isinstance(each.type, StrawberryMaybe):
                assert isinstance(each.type.of_type, StrawberryOptional), f"{name}.{each.name}"
