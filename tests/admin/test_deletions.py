"""Deletions: viewed by staff, scheduled and undone by administrators through the services."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.admin.support import (
    change_url,
    errors,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
)
from tests.support.factories import make_organization
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session
from users.organizations.models import Role
from users.privacy.models import AccountDeletion

pytestmark = pytest.mark.django_db

ADD = "/admin/privacy/accountdeletion/add/"
CONFIRMED = {"_form_submitted": "True"}


def make_deletion(user: User) -> AccountDeletion:
    User.objects.filter(pk=user.pk).update(is_active=False)
    later = timezone.now() + dt.timedelta(days=1)
    return AccountDeletion.objects.create(user=user, expires_at=later)


def undo_url(deletion: AccountDeletion) -> str:
    return reverse("admin:privacy_accountdeletion_undo", args=[deletion.pk])


def test_deletion_is_scheduled_through_the_service(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    sign_in(Client(), mary)
    sign_in(client, rosa)

    response = client.post(ADD, {"user": mary.pk, "_continue": "1"})

    deletion = AccountDeletion.objects.get()
    assert response["Location"] == change_url(deletion)
    mary.refresh_from_db()
    assert not mary.is_active
    assert not Session.objects.filter(user=mary).exists()
    event = Event.objects.latest("id")
    assert (event.tag, event.actor_id, event.subject_id) == (
        Tag.DELETION_SCHEDULED,
        rosa.pk,
        mary.pk,
    )


def test_page_says_what_a_deletion_does_and_names_the_person(client: Client) -> None:
    sign_in(client, make_administrator())
    mary = make_person("mary")
    assert "The account is deactivated" in client.get(ADD).content.decode()
    response = client.post(ADD, {"user": mary.pk}, follow=True)
    (message,) = response.context["messages"]
    assert "“mary”" in str(message)


def test_service_refusals_are_shown_in_the_form(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    make_organization("Acme", mary, role=Role.OWNER)
    sign_in(client, rosa)
    before = tags()

    for user, message in ((mary, "or delete them: Acme."), (rosa, "see deleteMe.")):
        response = client.post(ADD, {"user": user.pk})
        assert response.status_code == 200
        assert str(errors(response)).count(message) == 1

    assert not AccountDeletion.objects.exists()
    assert not User.objects.filter(is_active=False).exists()
    assert tags() == before


def test_undo_requires_confirmation_by_post(client: Client) -> None:
    mary = make_person("mary")
    deletion = make_deletion(mary)
    sign_in(client, make_administrator())

    assert undo_url(deletion) in client.get(change_url(deletion)).content.decode()
    assert "Undo the deletion?" in client.get(undo_url(deletion)).content.decode()
    assert client.get(undo_url(deletion), CONFIRMED).status_code == 200
    assert AccountDeletion.objects.exists()

    response = client.post(undo_url(deletion), CONFIRMED)

    assert response["Location"] == list_url(AccountDeletion)
    assert not AccountDeletion.objects.exists()
    mary.refresh_from_db()
    assert mary.is_active
    assert tags()[-1] == Tag.DELETION_CANCELED
    assert client.post(undo_url(deletion), CONFIRMED).status_code == 404


def test_staff_have_read_only_access(client: Client) -> None:
    deletion = make_deletion(make_person("mary"))
    sign_in(client, make_staff())

    page = client.get(change_url(deletion))
    assert page.status_code == 200
    assert undo_url(deletion) not in page.content.decode()
    assert client.post(ADD, {"user": deletion.pk}).status_code == 403
    assert client.post(undo_url(deletion), CONFIRMED).status_code == 403
    assert AccountDeletion.objects.exists()
