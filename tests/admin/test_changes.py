"""The admin's forms, and the services that save them."""

from uuid import UUID

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from tests.admin.support import (
    PASSWORD,
    change_url,
    errors,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
    user_form,
)
from tests.support.factories import make_permission
from tests.support.signing_in import tags
from users.accounts.models import Profile, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.admin.people.users import UserAdmin

pytestmark = pytest.mark.django_db


def test_user_is_created_through_the_service(client: Client) -> None:
    rosa = make_administrator()
    sign_in(client, rosa)
    values = {"email": "Mary@Example.org", "username": "Mary", "name": "Mary M."}

    response = client.post(
        "/admin/accounts/user/add/",
        values | {"password": PASSWORD, "is_active": "on", "_continue": "1"},
    )

    mary = User.objects.get(username="mary")
    assert response["Location"] == change_url(mary)
    assert (mary.email, mary.name, mary.is_active) == ("mary@example.org", "Mary M.", True)
    assert (mary.is_staff, mary.is_superuser) == (False, False)
    assert mary.check_password(PASSWORD)
    assert Profile.objects.filter(user=mary).exists()
    event = Event.objects.latest("id")
    assert (event.tag, event.actor_id, event.subject_id) == (Tag.USER_CREATED, rosa.pk, mary.pk)
    assert not LogEntry.objects.exists()


def test_service_refusals_are_shown_in_the_form(client: Client) -> None:
    make_person("mary")
    sign_in(client, make_administrator())
    before = tags()

    def render_refusal(**values: str) -> dict[str, list[str]]:
        response = client.post(
            "/admin/accounts/user/add/",
            {"email": "new@example.org", "username": "newcomer", "password": PASSWORD} | values,
        )
        assert response.status_code == 200
        assert values.get("username", "newcomer") in response.content.decode()
        assert PASSWORD not in response.content.decode()
        return errors(response)

    assert render_refusal(username="Mary") == {
        "username": ["This username is taken. Choose a different one."]
    }
    assert render_refusal(email="MARY@example.org") == {
        "email": ["This address already has an account."]
    }
    assert render_refusal(username="_", password="password1234").keys() == {"username", "password"}
    assert User.objects.count() == 2
    assert tags() == before


def test_administrator_changes_every_editable_field(client: Client) -> None:
    rosa, mary = make_administrator(), make_person("mary")
    group = Group.objects.create(name="Editors")
    sign_in(client, rosa)
    before = len(tags())

    response = client.post(
        change_url(mary),
        user_form(mary, name="Mary M.", is_public=True, is_staff=True, groups=[group.pk])
        | {"username": "Mary2", "email": "MARY2@example.org"},
    )

    assert response["Location"] == list_url(User)
    mary.refresh_from_db()
    assert (mary.name, mary.is_public, mary.is_staff) == ("Mary M.", True, True)
    assert (mary.username, mary.email) == ("mary2", "mary2@example.org")
    assert list(mary.groups.all()) == [group]
    assert tags()[before:] == [
        Tag.EMAIL_CHANGED,
        Tag.USERNAME_CHANGED,
        Tag.PROFILE_CHANGED,
        Tag.USER_CHANGED,
        Tag.USER_GROUPS_CHANGED,
    ]
    assert set(Event.objects.order_by("-id").values_list("actor_id", flat=True)[:5]) == {rosa.pk}


def test_saving_without_a_change_records_no_event(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    before = tags()

    assert client.post(change_url(mary), user_form(mary)).status_code == 302

    assert tags() == before


def test_staff_change_names_but_not_flags_groups_or_identifiers(client: Client) -> None:
    stan, mary = make_staff(), make_person("mary")
    group = Group.objects.create(name="Editors")
    sign_in(client, stan)
    before = len(tags())

    for user in (mary, stan):
        response = client.post(
            change_url(user),
            {
                "name": "Another Name",
                "username": "changed",
                "email": "changed@example.org",
                "is_superuser": "on",
                "groups": [group.pk],
            },
        )
        assert response.status_code == 302
        after = User.objects.get(pk=user.pk)
        assert after.name == "Another Name"
        assert (after.username, after.email) == (user.username, user.email)
        assert (after.is_active, after.is_superuser) == (True, False)
        assert after.is_staff == user.is_staff
        assert not after.groups.exists()
    assert tags()[before:] == [Tag.PROFILE_CHANGED] * 2


def test_staff_cannot_add_users_or_change_groups(client: Client) -> None:
    group = Group.objects.create(name="Editors")
    sign_in(client, make_staff())
    before = tags()

    assert client.get("/admin/accounts/user/add/").status_code == 403
    assert client.post("/admin/accounts/user/add/", {"username": "mary"}).status_code == 403
    assert client.post("/admin/auth/group/add/", {"name": "Owners"}).status_code == 403
    assert client.post(change_url(group), {"name": "Owners"}).status_code == 403
    assert [group.name for group in Group.objects.all()] == ["Editors"]
    assert User.objects.count() == 1
    assert tags() == before


def test_profiles_are_changed_through_the_service(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_staff())
    values = {"bio": "Hello.", "website": "https://mary.example", "locale": "de"}
    values |= {"given_name": "Mary", "family_name": "Example", "nickname": ""}

    response = client.post(change_url(mary.profile), values | {"time_zone": "Europe/Berlin"})

    assert response.status_code == 302
    profile = Profile.objects.get(user=mary)
    assert (profile.bio, profile.website) == ("Hello.", "https://mary.example")
    assert (profile.given_name, profile.family_name) == ("Mary", "Example")
    assert (profile.locale, profile.time_zone) == ("de", "Europe/Berlin")
    assert tags()[-1] == Tag.PROFILE_CHANGED


def test_invalid_profile_is_not_saved(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_staff())
    before = tags()

    response = client.post(
        change_url(mary.profile),
        {"bio": "x" * 501, "website": "", "locale": "en", "time_zone": "Mars/Olympus"},
    )

    assert errors(response).keys() == {"bio", "time_zone"}
    assert Profile.objects.get(user=mary).bio == ""
    assert tags() == before


def test_groups_are_written_through_the_service(client: Client) -> None:
    sign_in(client, make_administrator())
    permission = make_permission("crm.edit")

    client.post("/admin/auth/group/add/", {"name": "Editors", "permissions": [permission.pk]})

    group = Group.objects.get()
    mary = make_person("mary")
    mary.groups.add(group)
    assert list(group.permissions.all()) == [permission]
    client.post(change_url(group), {"name": "Writers", "permissions": []})

    group.refresh_from_db()
    assert group.name == "Writers"
    assert not group.permissions.exists()
    assert list(mary.groups.all()) == [group]
    assert tags().count(Tag.GROUP_CHANGED) == 2


def test_permissions_of_a_group_are_chosen_by_name(client: Client) -> None:
    sign_in(client, make_administrator())
    make_permission("billing.view_invoice")
    html = client.get("/admin/auth/group/add/").content.decode()
    assert ">A permission (billing.view_invoice)</option>" in html
    assert "selectfilter" not in html
    # The class that the search field needs.
    assert '<select name="permissions" data-theme="admin-autocomplete" class="unfold-admin' in html
    assert "Hold down" not in html


def test_group_with_a_taken_name_is_not_saved(client: Client) -> None:
    Group.objects.create(name="Editors")
    group = Group.objects.create(name="Writers")
    sign_in(client, make_administrator())

    for url in (change_url(group), "/admin/auth/group/add/"):
        response = client.post(url, {"name": "Editors"})
        assert response.status_code == 200
        assert errors(response) == {"name": ["A group with this name already exists."]}
        assert "Editors" in response.content.decode()

    assert set(Group.objects.values_list("name", flat=True)) == {"Editors", "Writers"}
    assert Tag.GROUP_CHANGED not in tags()


def test_a_refusal_of_the_policy_is_a_403(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    mary = make_person("mary")
    sign_in(client, make_staff())
    # Make the page offer fields that the service forbids.
    monkeypatch.setattr(
        "users.admin.people.users.UserAdmin.get_readonly_fields",
        lambda *_args: UserAdmin.readonly_fields,
    )

    before = tags()

    response = client.post(change_url(mary), user_form(mary, name="Mary M.", is_superuser=True))

    assert response.status_code == 403
    after = User.objects.get(pk=mary.pk)
    assert (after.name, after.is_superuser) == (mary.name, False)
    assert tags() == before


def test_unknown_user_is_not_a_server_error(client: Client) -> None:
    sign_in(client, make_staff())

    for unknown in (UUID(int=0), "nonsense"):
        assert client.get(f"/admin/accounts/user/{unknown}/change/").status_code == 302


def test_last_administrator_cannot_be_demoted(client: Client) -> None:
    root = make_administrator()
    sign_in(client, root)
    before = tags()

    response = client.post(change_url(root), user_form(root, name="Rosa R.", is_superuser=False))

    assert errors(response) == {
        "is_superuser": [
            "This is the last administrator. Make another user an administrator first."
        ]
    }
    root.refresh_from_db()
    assert (root.name, root.is_superuser, root.is_active) == ("Rosa Example", True, True)
    assert tags() == before

    make_administrator("rita")
    client.post(change_url(root), user_form(root, name="Rosa R.", is_superuser=False))
    root.refresh_from_db()
    assert (root.name, root.is_superuser) == ("Rosa R.", False)
