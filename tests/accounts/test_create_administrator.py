"""The command that creates the first administrator."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.client import GraphQLClient
from users.accounts.models import User

PASSWORD = "a phrase hard to guess at all"


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


def create(**options: Any) -> None:
    call_command("create_administrator", email="Root@Example.org", username="Root", **options)


@pytest.mark.django_db
def test_creates_an_administrator_who_can_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", PASSWORD)
    create(name="Root")

    user = User.objects.get()
    assert (user.username, user.email, user.name) == ("root", "root@example.org", "Root")
    assert (user.is_staff, user.is_superuser) == (True, True)
    answer = GraphQLClient()(
        'mutation ($p: String!) { logIn(input: {login: "root", password: $p}) '
        "{ user { isSuperuser } } }",
        p=PASSWORD,
    )
    assert answer.data == {"logIn": {"user": {"isSuperuser": True}}}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("", "Set ADMINISTRATOR_PASSWORD"),
        ("short", "password: This password is too short"),
        ("roster-demo-2026", "password: Your password can’t be the one from the documentation"),
    ],
)
def test_refuses_no_password_and_weak_ones(
    monkeypatch: pytest.MonkeyPatch, password: str, problem: str
) -> None:
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", password)
    with pytest.raises(CommandError, match=problem):
        create()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_refuses_a_taken_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMINISTRATOR_PASSWORD", PASSWORD)
    create()
    with pytest.raises(CommandError, match="email: This address already has an account"):
        call_command("create_administrator", email="root@example.org", username="other")
    assert User.objects.count() == 1
