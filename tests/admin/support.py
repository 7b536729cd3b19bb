"""Helpers of the admin tests."""

import re
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.security.actor import SYSTEM, Actor
from users.accounts.models import User
from users.accounts.services.administration import create_user
from users.authentication.models import Session
from users.authentication.services.sessions import SignInResult, Transport, log_in

PASSWORD = "correct horse battery staple"
LOGIN = "/admin/login/"
REFUSAL = "The credentials are wrong, or this is not a staff account. Check them and try again."


def make_person(username: str, **flags: Any) -> User:
    return create_user(
        actor=SYSTEM,
        email=f"{username}@example.org",
        username=username,
        password=PASSWORD,
        name=f"{username.title()} Example",
        **flags,
    )


def make_administrator(username: str = "rosa") -> User:
    return make_person(username, is_staff=True, is_superuser=True)


def make_staff(username: str = "stan") -> User:
    return make_person(username, is_staff=True)


def sign_in(client: Client, user: User) -> Session:
    """Sign the client in with a session cookie, as the console does."""
    signed_in = log_in(
        actor=Actor(), login=user.username, password=PASSWORD, transport=Transport.COOKIE
    )
    assert isinstance(signed_in, SignInResult)
    assert signed_in.cookie
    client.cookies[django_settings.SESSION_COOKIE] = signed_in.cookie
    return signed_in.session


def is_asked_again(response: Any) -> bool:
    """Return whether a form was not saved, but kept beside the fields to sign in."""
    page = response.content.decode()
    return response.status_code == 200 and 'name="password"' in page and 'name="kept"' in page


def shown(response: Any) -> str:
    """Return the text of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


def view_name(model: type[Model], view: str) -> str:
    app, name = model._meta.label_lower.split(".")
    return f"admin:{app}_{name}_{view}"


def change_url(instance: Model) -> str:
    return reverse(view_name(type(instance), "change"), args=[instance.pk])


def user_form(user: User, **changes: Any) -> dict[str, Any]:
    """Return the form data that a browser would submit on the user's page."""
    fields: dict[str, Any] = {"username": user.username, "email": user.email}
    fields |= {"name": user.name, "is_public": user.is_public}
    flags = {"is_staff": user.is_staff, "is_superuser": user.is_superuser}
    groups = {"groups": [group.pk for group in user.groups.all()]}
    data = fields | flags | groups | changes
    return {
        name: "on" if value is True else value for name, value in data.items() if value is not False
    }


def errors(response: Any) -> dict[str, list[str]]:
    form_errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return form_errors


def list_url(model: type[Model]) -> str:
    return reverse(view_name(model, "changelist"))
