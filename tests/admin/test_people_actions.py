"""Actions of administrators on users' pages, sessions and groups."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from tests.admin.support import (
    LOGIN,
    PASSWORD,
    REFUSAL,
    change_url,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
)
from tests.support.factories import make_session
from tests.support.signing_in import tags
from users.accounts.models import Invitation, User
from users.activity.models import Event, EventSeal
from users.activity.services.sealing import seal_batch
from users.activity.tags import Tag
from users.admin.user_related import UserRelatedAdmin
from users.authentication.models import Session, Suspension

pytestmark = pytest.mark.django_db

SUBMITTED = {"_form_submitted": "True"}
CONFIRMED = ("verify_email", "require_reset", "unlock", "end_all_sessions")


def action_url(name: str, user: User) -> str:
    return reverse(f"admin:accounts_user_{name}", args=[user.pk])


def confirm(client: Client, url: str) -> Any:
    """Open the dialog by GET, which must change nothing, and confirm it by POST."""
    count = Event.objects.count()
    assert client.get(url).status_code == 200
    assert Event.objects.count() == count
    return client.post(url, SUBMITTED)


def unverified(username: str = "mary") -> User:
    mary = make_person(username)
    User.objects.filter(pk=mary.pk).update(email_verified_at=None)
    return mary


def has_verified(mary: User) -> bool:
    return mary.email_verified_at is not None


def has_no_password(mary: User) -> bool:
    return not mary.has_usable_password()


def is_signed_out(mary: User) -> bool:
    return not mary.sessions.exists()


@pytest.mark.parametrize(
    ("action", "tag", "is_done"),
    [
        ("verify_email", Tag.EMAIL_VERIFIED, has_verified),
        ("require_reset", Tag.PASSWORD_RESET_FORCED, has_no_password),
        ("end_all_sessions", Tag.SESSIONS_REVOKED, is_signed_out),
    ],
)
def test_administrators_act_through_the_services(
    client: Client, action: str, tag: Tag, is_done: Callable[[User], bool]
) -> None:
    mary = unverified()
    make_session(mary)
    sign_in(client, make_administrator())
    assert action_url(action, mary) in client.get(change_url(mary)).content.decode()
    assert not is_done(mary)

    response = confirm(client, action_url(action, mary))

    assert (response.status_code, response["Location"]) == (302, change_url(mary))
    mary = User.objects.get(pk=mary.pk)
    assert is_done(mary)
    assert tags()[-1] == tag


def test_administrators_unlock_users(client: Client) -> None:
    mary = make_person("mary")
    stranger = Client()

    def errors_of(password: str) -> list[str]:
        response = stranger.post(LOGIN, {"username": "mary", "password": password})
        found: list[str] = response.context["form"].errors["__all__"]
        return found

    for number in range(5):
        errors_of(f"guess number {number}")
    # The account is locked, so the error is not that of a user who is not staff.
    assert errors_of(PASSWORD) != [REFUSAL]
    sign_in(client, make_administrator())

    confirm(client, action_url("unlock", mary))

    assert tags()[-1] == Tag.USER_UNLOCKED
    assert errors_of(PASSWORD) == [REFUSAL]


@pytest.mark.parametrize("action", [*CONFIRMED, "suspend", "schedule_deletion"])
def test_staff_see_no_user_actions(client: Client, action: str) -> None:
    mary = unverified()
    make_session(mary)
    sign_in(client, make_staff())
    before = tags()

    assert action_url(action, mary) not in client.get(change_url(mary)).content.decode()
    assert client.get(action_url(action, mary)).status_code == 403
    assert client.post(action_url(action, mary), SUBMITTED).status_code == 403

    assert tags() == before
    mary = User.objects.get(pk=mary.pk)
    assert not has_verified(mary)
    assert not is_signed_out(mary)
    assert not has_no_password(mary)


def test_refused_dialog_is_explained(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    mary = make_person("mary")
    make_session(mary)
    sign_in(client, make_staff())
    monkeypatch.setattr(UserRelatedAdmin, "has_administer_permission", lambda *_: True)
    before = tags()

    response = client.post(action_url("end_all_sessions", mary), SUBMITTED)

    assert response.status_code == 403
    assert "Your role is staff" in response.content.decode()
    assert tags() == before
    assert not is_signed_out(mary)


def test_verified_address_offers_no_verification(client: Client) -> None:
    mary = unverified()
    sign_in(client, make_administrator())
    confirm(client, action_url("verify_email", mary))

    assert action_url("verify_email", mary) not in client.get(change_url(mary)).content.decode()
    assert client.get(action_url("verify_email", mary)).status_code == 403


@pytest.mark.parametrize("action", CONFIRMED[1:])
def test_actions_on_unknown_users_do_nothing(client: Client, action: str) -> None:
    rosa = make_administrator()
    sign_in(client, rosa)
    before = tags()
    for id_ in ("0", str(Event.objects.earliest("id").pk)):
        url = action_url(action, rosa).replace(str(rosa.pk), id_)
        assert client.post(url, SUBMITTED).status_code == 404
    assert tags() == before


def test_actions_link_to_suspension_and_deletion_forms(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())

    for action, form in (
        ("suspend", "authentication_suspension"),
        ("schedule_deletion", "privacy_accountdeletion"),
    ):
        response = client.get(action_url(action, mary), follow=True)
        assert response.redirect_chain[-1][0] == reverse(f"admin:{form}_add") + f"?user={mary.pk}"
        # The user is preselected.
        assert f'<option value="{mary.pk}" selected' in response.content.decode()
    suspension = Suspension.objects.create(user=mary, reason="Sent spam.")
    assert client.get(action_url("suspend", mary))["Location"] == change_url(suspension)


def test_administrators_end_one_session(client: Client) -> None:
    mary = make_person("mary")
    one, other = make_session(mary), make_session(mary)
    url = reverse("admin:authentication_session_end", args=[one.pk])
    sign_in(client, make_staff())
    assert url not in client.get(change_url(one)).content.decode()
    assert client.post(url, SUBMITTED).status_code == 403
    assert mary.sessions.count() == 2
    sign_in(client, make_administrator())

    response = confirm(client, url)

    assert (response.status_code, response["Location"]) == (302, list_url(Session))
    assert list(mary.sessions.all()) == [other]
    assert tags()[-1] == Tag.SESSIONS_REVOKED
    assert client.post(url, SUBMITTED).status_code == 404


def test_administrators_delete_a_group(client: Client) -> None:
    group = Group.objects.create(name="Editors")
    make_person("mary").groups.add(group)
    url = reverse("admin:auth_group_delete_group", args=[group.pk])
    sign_in(client, make_staff())
    assert client.post(url, SUBMITTED).status_code == 403
    assert Group.objects.exists()
    sign_in(client, make_administrator())

    response = confirm(client, url)

    assert (response.status_code, response["Location"]) == (302, list_url(Group))
    assert not Group.objects.exists()
    assert tags()[-1] == Tag.GROUP_DELETED
    assert client.post(url, SUBMITTED).status_code == 404


def test_event_shows_its_seal(client: Client) -> None:
    sign_in(client, make_administrator())
    event = Event.objects.earliest("id")
    assert "#1, " not in client.get(change_url(event)).content.decode()

    seal_batch(lateness=dt.timedelta(0))

    assert EventSeal.objects.get(sequence=1).event_id == event.pk
    assert "#1, " in client.get(change_url(event)).content.decode()


def test_administrators_invite_users(client: Client) -> None:
    url = reverse("admin:accounts_user_invite")
    form = SUBMITTED | {"email": "Nina@example.org", "name": "Nina", "locale": "de"}
    sign_in(client, make_staff())
    assert url not in client.get(list_url(User)).content.decode()
    assert client.post(url, form).status_code == 403
    assert not Invitation.objects.exists()
    rosa = make_administrator()
    sign_in(client, rosa)
    assert url in client.get(list_url(User)).content.decode()
    # The dialog shows the error of the service.
    response = client.post(url, form | {"email": rosa.email})
    assert response.status_code == 200
    assert "email" in response.context["form"].errors
    assert not Invitation.objects.exists()

    response = client.post(url, form)

    assert (response.status_code, response["Location"]) == (302, list_url(User))
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.locale) == ("nina@example.org", "de")
    assert tags()[-1] == Tag.USER_INVITED
