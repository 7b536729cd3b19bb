"""API tokens and service accounts: viewed, revoked, created and deactivated by administrators."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.support import (
    change_url,
    errors,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
)
from tests.support.api_tokens import assert_dead
from tests.support.client import GraphQLClient
from tests.support.factories import make_api_token, make_service
from tests.support.signing_in import ME, tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import ApiToken, ServiceAccount

pytestmark = pytest.mark.django_db

ADD = "/admin/authentication/serviceaccount/add/"
NEW = {"username": "robot", "name": "Robot", "is_staff": "on"}


def action_url(row: Any, action: str) -> str:
    name = type(row)._meta.model_name
    return reverse(f"admin:authentication_{name}_{action}", args=[row.pk])


def make_token() -> tuple[str, ApiToken]:
    secret = make_api_token(make_person("mary"), "users:read", name="Nightly")
    return secret, ApiToken.objects.get()


def make_account() -> ServiceAccount:
    return ServiceAccount.objects.get(pk=make_service("robot").pk)


def test_administrators_see_tokens_but_no_secrets(client: Client) -> None:
    secret, token = make_token()
    sign_in(client, make_administrator())
    for url in (list_url(ApiToken), change_url(token)):
        page = client.get(url).content.decode()
        assert "Nightly" in page
        assert "users:read" in page
        assert secret[11:] not in page
        assert bytes(token.digest).hex() not in page


def test_administrators_revoke_tokens_through_the_service(client: Client) -> None:
    secret, token = make_token()
    rosa = make_administrator()
    sign_in(client, rosa)
    assert client.get(action_url(token, "revoke")).status_code == 200
    assert GraphQLClient(secret)(ME).data == {"me": {"username": "mary"}}
    response = client.post(action_url(token, "revoke"), {"_form_submitted": "True"})
    assert response["Location"] == list_url(ApiToken)
    assert_dead(secret)
    event = Event.objects.latest("id")
    assert (event.tag, event.actor_id) == (Tag.API_TOKEN_REVOKED, rosa.pk)
    assert event.subject_id == token.user_id


def test_staff_cannot_see_tokens_or_deactivate_accounts(client: Client) -> None:
    secret, token = make_token()
    account = make_account()
    sign_in(client, make_staff())
    before = tags()
    assert client.get(list_url(ApiToken)).status_code == 403
    assert client.get(list_url(ServiceAccount)).status_code == 200
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, NEW).status_code == 403
    for url in (action_url(token, "revoke"), action_url(account, "deactivate")):
        assert client.post(url, {"_form_submitted": "True"}).status_code == 403
    assert GraphQLClient(secret)(ME).data == {"me": {"username": "mary"}}
    account.refresh_from_db()
    assert account.is_active
    assert tags() == before


def test_administrators_create_service_accounts_through_the_service(client: Client) -> None:
    sign_in(client, make_administrator())
    response = client.post(ADD, NEW)
    assert response["Location"] == list_url(ServiceAccount)
    robot = User.objects.get(username="robot")
    assert (robot.is_service, robot.is_staff, robot.is_superuser) == (True, True, False)
    assert not robot.has_usable_password()
    assert tags()[-1] == Tag.SERVICE_ACCOUNT_CREATED
    assert errors(client.post(ADD, NEW)).keys() == {"username"}


def test_administrators_deactivate_service_accounts_through_the_service(client: Client) -> None:
    account = make_account()
    secret = make_api_token(account, "users:read")
    sign_in(client, make_administrator())
    response = client.post(action_url(account, "deactivate"), {"_form_submitted": "True"})
    assert response["Location"] == list_url(ServiceAccount)
    assert_dead(secret)
    account.refresh_from_db()
    assert not account.is_active
    assert tags()[-1] == Tag.SERVICE_ACCOUNT_DEACTIVATED


def test_service_accounts_and_users_are_listed_separately(client: Client) -> None:
    account = make_account()
    zora = make_person("zora")
    sign_in(client, make_administrator())
    assert "service.invalid" not in client.get(list_url(ServiceAccount)).content.decode()
    assert change_url(account) in client.get(list_url(ServiceAccount)).content.decode()
    assert "zora" not in client.get(list_url(ServiceAccount)).content.decode()
    assert str(account.pk) not in client.get(list_url(User)).content.decode()
    assert client.get(change_url(account)).status_code == 200
    assert client.get(change_url(User(pk=account.pk))).status_code == 302
    assert client.get(change_url(ServiceAccount(pk=zora.pk))).status_code == 302
