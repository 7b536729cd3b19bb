"""The overview of a user, selected rows, groups, and invitations."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from core.security.actor import SYSTEM
from tests.admin.support import (
    change_url,
    list_url,
    make_administrator,
    make_person,
    make_staff,
    sign_in,
    user_form,
)
from tests.admin.test_second_factors import set_up_totp
from users.accounts.models import Invitation, User
from users.accounts.services.invitation import invite_user
from users.accounts.services.permissions import MODEL
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session, Suspension
from users.exports.models import UserExport
from users.organizations.models import Membership, Organization, Role

pytestmark = pytest.mark.django_db

USERS = list_url(User)
INVITATIONS = list_url(Invitation)
CONFIRMED = {"_form_submitted": "True"}


def overview(client: Client, user: User) -> str:
    html: str = client.get(change_url(user)).content.decode()
    return html.partition('<section class="overview"')[2].partition("</section>")[0]


def test_overview_says_why_until_when_and_by_whom(client: Client) -> None:
    mary, rosa = make_person("mary"), make_administrator()
    set_up_totp(mary)
    organization = Organization.objects.create(name="Analytical Engines")
    Membership.objects.create(user=mary, organization=organization, role=Role.OWNER)
    sign_in(client, rosa)
    shown = overview(client, mary)
    for text in ("Active", "Authenticator app", "Analytical Engines", "Second factor set up"):
        assert text in shown

    data = {"user": mary.pk, "reason": "Sent <spam>.", "until_0": "2030-01-02", "until_1": "03:04"}
    client.post("/admin/authentication/suspension/add/", data)
    assert Suspension.objects.filter(pk=mary.pk).exists()
    shown = overview(client, mary)
    for text in ("Suspended", "Sent &lt;spam&gt;.", "03:04:00 UTC", "<dd>rosa</dd>"):
        assert text in shown
    lift = f"/admin/authentication/suspension/{mary.pk}/lift/"
    assert f'hx-get="{lift}"' in shown
    assert client.post(lift, CONFIRMED).status_code == 302
    assert lift not in overview(client, mary)


def test_staff_see_neither_events_nor_how_to_lift(client: Client) -> None:
    mary = make_person("mary")
    Suspension.objects.create(user=mary, reason="Spam")
    User.objects.filter(pk=mary.pk).update(is_active=False)
    sign_in(client, make_staff())
    shown = overview(client, mary)
    assert "Spam" in shown
    assert "Lift" not in shown
    assert "Last events" not in shown


def test_overview_is_read_only_if_it_is_shown(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())

    def reads_last_sessions(**changes: str) -> bool:
        with statements() as captured:
            response = client.post(change_url(mary), user_form(mary, **changes))
        is_shown = '<section class="overview"' in response.content.decode()
        assert is_shown is (response.status_code == 200)
        latest_first = f'ORDER BY "{Session._meta.db_table}"."id" DESC'
        return any(latest_first in sql for sql in captured)

    assert not reads_last_sessions()
    assert reads_last_sessions(username="not a username")


def test_selected_rows_are_exported(client: Client) -> None:
    mary, paul = make_person("mary"), make_person("paul")
    sign_in(client, make_administrator())
    assert 'name="_selected_action"' in client.get(USERS).content.decode()
    chosen = {"action": "export_selected", "_selected_action": [mary.pk, paul.pk]}
    response = client.post(USERS, chosen)
    page = client.get(response["Location"]).content.decode()
    assert "Selected people: 2." in page
    client.post(response["Location"], {"format": "csv", "columns": ["username"]})
    selection = UserExport.objects.get().selection
    assert selection is not None
    assert sorted(selection["filter"]["conditions"]["ids"]) == sorted(map(str, (mary.pk, paul.pk)))
    assert client.get(f"{USERS}export/?ids=x").status_code == 302

    # Staff may not, so they select nothing.
    sign_in(client, make_staff())
    assert 'name="_selected_action"' not in client.get(USERS).content.decode()


def test_bulk_action_takes_selected_rows(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    response = client.post(USERS, {"action": "act_on_selected", "_selected_action": [mary.pk]})
    assert "Selected people: 1." in client.get(response["Location"]).content.decode()


def test_groups_offer_no_permissions_that_open_nothing(client: Client) -> None:
    content_type = ContentType.objects.create(app_label="billing", model=MODEL)
    custom = Permission.objects.create(
        name="View invoices", codename="view_invoice", content_type=content_type
    )
    held = Permission.objects.exclude(pk=custom.pk).earliest("pk")
    group = Group.objects.create(name="Support")
    group.permissions.add(held)
    sign_in(client, make_administrator())
    for url, offered in (("/admin/auth/group/add/", {custom}), (change_url(group), {custom, held})):
        form = client.get(url).context["adminform"].form
        assert set(form.fields["permissions"].queryset) == offered


def test_invitations_are_listed_sent_again_and_canceled(client: Client) -> None:
    invite_user(actor=SYSTEM, email="nina@example.org", name="Nina Nowak")
    invitation = Invitation.objects.get()
    former = invitation.token
    sign_in(client, make_administrator())
    assert "nina@example.org" in client.get(INVITATIONS).content.decode()
    assert former not in client.get(change_url(invitation)).content.decode()

    assert client.post(f"{INVITATIONS}{invitation.pk}/resend/", CONFIRMED).status_code == 302
    invitation.refresh_from_db()
    assert invitation.token != former
    assert Event.objects.filter(tag=Tag.USER_INVITED).count() == 2

    assert client.post(f"{INVITATIONS}{invitation.pk}/cancel/", CONFIRMED).status_code == 302
    assert not Invitation.objects.exists()
    event = Event.objects.get(tag=Tag.INVITATION_CANCELED)
    assert event.personal_values["email"] == "nina@example.org"
    for action in ("resend", "cancel"):
        url = f"{INVITATIONS}{invitation.pk}/{action}/"
        assert client.post(url, CONFIRMED).status_code == 404


def test_invitation_of_a_taken_address_is_not_sent_again(client: Client) -> None:
    invite_user(actor=SYSTEM, email="nina@example.org")
    invitation = Invitation.objects.get()
    make_person("nina")
    sign_in(client, make_administrator())
    resend = f"{INVITATIONS}{invitation.pk}/resend/"
    response = client.post(resend, CONFIRMED, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == change_url(invitation)
    page = client.get(change_url(invitation)).content.decode()
    assert "This address already has an account." in page
    assert Invitation.objects.get().token == invitation.token


def test_staff_neither_see_nor_change_invitations(client: Client) -> None:
    invite_user(actor=SYSTEM, email="nina@example.org")
    invitation = Invitation.objects.get()
    sign_in(client, make_staff())
    assert client.get(INVITATIONS).status_code == 403
    for action in ("resend", "cancel"):
        assert client.post(f"{INVITATIONS}{invitation.pk}/{action}/", CONFIRMED).status_code == 403
    assert Invitation.objects.get().token == invitation.token


def test_tokens_of_an_impersonation_can_be_copied(client: Client) -> None:
    mary = make_person("mary")
    sign_in(client, make_administrator())
    url = f"/admin/accounts/user/{mary.pk}/impersonate/"
    page = client.post(url, CONFIRMED | {"reason": "Support", "minutes": 5}).content.decode()
    for name in ("access-token", "refresh-token"):
        assert f'<textarea id="{name}"' in page
        assert f'data-copy="{name}"' in page
