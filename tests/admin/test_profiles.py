"""Addresses, avatars and metadata in the admin."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.security.actor import Actor
from tests.admin.support import (
    change_url,
    errors,
    is_asked_again,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
)
from tests.support.images import make_image
from tests.support.second_factors import age_authentication
from tests.support.signing_in import tags
from users.accounts.models import EmailAddress, Metadata, Profile, User
from users.accounts.services.avatar import set_avatar
from users.activity.tags import Tag

pytestmark = pytest.mark.django_db

ADD = "/admin/accounts/metadata/add/"


def remove_url(user: User) -> str:
    return reverse("admin:accounts_user_remove_avatar", args=[user.pk])


def with_avatar(settings: Any, media: Path) -> User:
    settings.MEDIA_ROOT = str(media)
    mary = make_person("mary")
    set_avatar(mary.pk, actor=Actor(user_id=mary.pk), image=make_image())
    return mary


def test_secondary_addresses_are_shown(client: Client) -> None:
    mary = make_person("mary")
    EmailAddress.objects.create(user=mary, email="m@example.net", verified_at=timezone.now())
    sign_in(client, make_staff())
    assert "m@example.net" in client.get(change_url(mary)).content.decode()


def address_url(user: User) -> str:
    return reverse("admin:accounts_user_remove_address", args=[user.pk])


def test_administrators_remove_a_secondary_address(client: Client) -> None:
    mary, rosa = make_person("mary"), make_administrator()
    for number in range(2):
        EmailAddress.objects.create(
            user=mary, email=f"m{number}@example.net", verified_at=timezone.now()
        )
    sign_in(client, rosa)
    assert address_url(mary) in client.get(change_url(mary)).content.decode()
    dialog = client.get(address_url(mary)).content.decode()
    assert "m0@example.net" in dialog
    assert mary.email not in dialog

    chosen = {"_form_submitted": "True", "email": "m0@example.net"}
    response = client.post(address_url(mary), chosen)

    assert response["Location"] == change_url(mary)
    assert [each.email for each in mary.email_addresses.all()] == ["m1@example.net"]
    assert tags()[-1] == Tag.EMAIL_ADDRESS_REMOVED
    # Addresses that are not offered cannot be removed, such as the primary one.
    before = tags()
    for email in ("m0@example.net", mary.email):
        response = client.post(address_url(mary), chosen | {"email": email})
        assert set(response.context["form"].errors) == {"email"}
    mary.email_addresses.all().delete()
    assert address_url(mary) not in client.get(change_url(mary)).content.decode()
    assert client.post(address_url(mary), chosen).status_code == 403
    assert tags() == before


def test_only_administrators_remove_addresses_of_others(client: Client) -> None:
    mary, rosa, stan = make_person("mary"), make_administrator(), make_staff()
    for user in (mary, rosa):
        email = f"{user.username}@example.net"
        EmailAddress.objects.create(user=user, email=email, verified_at=timezone.now())
    for reader, user in ((stan, mary), (rosa, rosa)):
        sign_in(client, reader)
        assert address_url(user) not in client.get(change_url(user)).content.decode()
        chosen = {"_form_submitted": "True", "email": f"{user.username}@example.net"}
        assert client.post(address_url(user), chosen).status_code == 403
    sign_in(client, rosa)
    age_authentication()
    chosen = {"_form_submitted": "True", "email": "mary@example.net"}
    assert is_asked_again(client.post(address_url(mary), chosen))
    assert EmailAddress.objects.count() == 2


def test_staff_see_and_remove_an_avatar(client: Client, settings: Any, tmp_path: Path) -> None:
    mary = with_avatar(settings, tmp_path)
    sign_in(client, make_staff())
    key = Profile.objects.get(user=mary).avatar
    page = client.get(change_url(mary)).content.decode()
    assert f"{key}-64.webp" in page
    assert remove_url(mary) in page

    # Opening the dialog removes nothing.
    client.get(remove_url(mary))
    assert Profile.objects.get(user=mary).avatar == key
    response = client.post(remove_url(mary), {"_form_submitted": "True"})
    assert response.status_code == 302
    assert Profile.objects.get(user=mary).avatar == ""
    assert tags()[-1] == Tag.AVATAR_REMOVED
    page = client.get(change_url(mary)).content.decode()
    assert key not in page
    # The action is gone with the avatar.
    assert remove_url(mary) not in page
    assert client.post(remove_url(mary), {"_form_submitted": "True"}).status_code == 403


def test_administrators_edit_all_metadata(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    values = {"public": '{"plan": "team"}', "private": '{"crm": 7}'}
    response = client.post(ADD, {"user": mary.pk} | values)
    assert response.status_code == 302
    row = Metadata.objects.get()
    assert (row.user, row.public, row.private) == (mary, {"plan": "team"}, {"crm": 7})
    client.post(change_url(row), {"public": "{}", "private": '{"crm": 8}'})
    row.refresh_from_db()
    assert (row.public, row.private) == ({}, {"crm": 8})
    assert tags()[-2:] == [Tag.METADATA_CHANGED] * 2


def test_staff_edit_public_metadata(client: Client) -> None:
    row = Metadata.objects.create(user=make_person("mary"), private={"crm": 7})
    sign_in(client, make_staff())
    client.post(change_url(row), {"public": '{"a": 1}', "private": '{"crm": 8}'})
    row.refresh_from_db()
    assert (row.public, row.private) == ({"a": 1}, {"crm": 7})


def test_service_refusals_are_shown_and_change_nothing(client: Client, settings: Any) -> None:
    settings.PUBLIC_METADATA_SCHEMA = {"properties": {"plan": {"enum": ["free"]}}}
    row = Metadata.objects.create(user=make_person("mary"), public={"plan": "free"})
    sign_in(client, make_administrator())
    before = tags()
    for value, reason in (
        ('{"plan": "gold"}', "/plan"),
        ("[]", "JSON object"),
        ("{", "valid JSON"),
    ):
        response = client.post(change_url(row), {"public": value, "private": "{}"})
        assert reason in " ".join(errors(response)["public"])
    row.refresh_from_db()
    assert row.public == {"plan": "free"}
    assert tags() == before
