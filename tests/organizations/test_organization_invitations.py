"""Sending, listing and cancellation of invitations."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import (
    make_organization,
    make_organization_invitation,
    make_user,
    node_id,
)
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.organizations.models import (
    Membership,
    Organization,
    OrganizationInvitation,
    Role,
)
from users.organizations.services import invitations
from users.organizations.tasks import prune_invitations

ClientOf = Callable[[User], GraphQLClient]

INVITE = """
    mutation ($organization: ID!, $email: String!, $role: Role! = MEMBER, $locale: String! = "en") {
      inviteToOrganization(
        input: {organizationId: $organization, email: $email, role: $role, locale: $locale}
      ) {
        invitation { email role inviter { username } } errors { code field message }
      }
    }
"""
CANCEL = """
    mutation ($invitation: ID!) {
      cancelOrganizationInvitation(input: {invitationId: $invitation}) { errors { code field } }
    }
"""
LIST = """
    query ($id: ID!) { organization(id: $id) { invitations { id email role } } }
"""
EMAIL = "nina@example.org"
LIMITED = ["TOO_MANY_ATTEMPTS"]


@pytest.fixture
def archers(alice: User, bob: User) -> Organization:
    """Return an organisation with Alice as owner and Bob as member."""
    organization = make_organization("Archers", alice, role=Role.OWNER)
    Membership.objects.create(organization=organization, user=bob)
    return organization


@pytest.fixture
def ada(archers: Organization) -> User:
    """Return an administrator of the organisation."""
    user = make_user("ada")
    Membership.objects.create(organization=archers, user=user, role=Role.ADMIN)
    return user


def invite(client: GraphQLClient, organization: Organization, email: str, **more: str) -> Answer:
    return client(INVITE, organization=node_id(organization), email=email, **more)


def cancel(client: GraphQLClient, invitation: OrganizationInvitation) -> Answer:
    return client(CANCEL, invitation=node_id(invitation))


# Inviting --------------------------------------------------------------------------------


def test_answer_is_the_same_whether_the_address_has_an_account(
    client_of: ClientOf, alice: User, charlie: User, archers: Organization, statements: Any
) -> None:
    client, answers, counts = client_of(alice), [], []
    for email in ("unknown@example.org", charlie.email):
        with statements() as captured:
            answers.append(invite(client, archers, email).data["inviteToOrganization"])
        counts.append(len(captured))
        assert answers[-1]["invitation"].pop("email") == email
    assert answers[0] == answers[1]
    assert answers[0] == {
        "invitation": {"role": "MEMBER", "inviter": {"username": "alice"}},
        "errors": [],
    }
    assert counts[0] == counts[1]


def test_event_stores_the_address_as_personal_data(
    client_of: ClientOf, alice: User, archers: Organization
) -> None:
    assert invite(client_of(alice), archers, f" {EMAIL.upper()}").problems == []
    invitation = OrganizationInvitation.objects.get()
    event = Event.objects.get()
    assert (event.tag, event.subject_id) == (
        Tag.ORGANIZATION_INVITATION_SENT,
        invitation.nonce,
    )
    assert event.data == {"organization": str(archers.pk), "role": "member"}
    assert (event.personal_values["email"], invitation.email) == (EMAIL, EMAIL)


def test_inviters_are_limited_by_their_role(
    client_of: ClientOf, alice: User, ada: User, archers: Organization
) -> None:
    for role in ("OWNER", "ADMIN", "MEMBER"):
        assert invite(client_of(alice), archers, f"{role}@example.org", role=role).problems == []
    admin = client_of(ada)
    assert invite(admin, archers, EMAIL).problems == []
    for role in ("OWNER", "ADMIN"):
        assert invite(admin, archers, "other@example.org", role=role).codes == ["FORBIDDEN"]
    roles = OrganizationInvitation.objects.order_by("pk").values_list("role", flat=True)
    assert list(roles) == ["owner", "admin", "member", "member"]


def test_members_cannot_invite(
    client_of: ClientOf,
    anonymous: GraphQLClient,
    bob: User,
    charlie: User,
    sam: User,
    archers: Organization,
) -> None:
    for user in (bob, sam):
        assert invite(client_of(user), archers, EMAIL).codes == ["FORBIDDEN"]
    unseen = [("NOT_FOUND", "organizationId")]
    assert invite(client_of(charlie), archers, EMAIL).problems == unseen
    assert invite(anonymous, archers, EMAIL).codes == ["UNAUTHENTICATED"]
    assert not OrganizationInvitation.objects.exists()
    assert tags() == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": "x"}, ("EMAIL_INVALID", "email")),
        ({"email": EMAIL, "locale": "f"}, ("LOCALE_UNSUPPORTED", "locale")),
        ({"email": "BOB@example.org"}, ("ALREADY_MEMBER", "email")),
    ],
)
def test_bad_invitation_is_refused(
    client_of: ClientOf, alice: User, archers: Organization, fields: Any, problem: Any
) -> None:
    assert invite(client_of(alice), archers, **fields).problems == [problem]
    assert not OrganizationInvitation.objects.exists()


def test_later_invitation_replaces_an_earlier_one(
    client_of: ClientOf, alice: User, bob: User, archers: Organization
) -> None:
    elsewhere = make_organization("Bakers", bob, role=Role.OWNER)
    other = make_organization_invitation(elsewhere, bob, email=EMAIL)
    first = make_organization_invitation(archers, alice, email=EMAIL)
    assert invite(client_of(alice), archers, EMAIL, role="ADMIN").problems == []
    second = OrganizationInvitation.objects.get(organization=archers)
    assert (second.role, second.nonce == first.nonce) == ("admin", False)
    assert OrganizationInvitation.objects.filter(pk=other.pk, nonce=other.nonce).exists()


def test_pending_invitations_are_limited(
    client_of: ClientOf, alice: User, archers: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MAX_PENDING", 2)
    client = client_of(alice)
    for email in ("1@example.org", "2@example.org", "2@example.org"):
        assert invite(client, archers, email).problems == []
    assert invite(client, archers, EMAIL).problems == [("TOO_MANY_INVITATIONS", "email")]
    assert OrganizationInvitation.objects.count() == 2


# Rate limits -----------------------------------------------------------------------------


def test_invitations_per_address_are_limited(
    client_of: ClientOf, alice: User, bob: User, archers: Organization
) -> None:
    bakers = make_organization("Bakers", bob, role=Role.OWNER)
    for number in range(5):
        client = client_of(bob if number % 2 else alice)
        assert invite(client, bakers if number % 2 else archers, EMAIL).problems == []
    for user, organization in ((alice, archers), (bob, bakers)):
        assert invite(client_of(user), organization, EMAIL.upper()).codes == LIMITED
        assert invite(client_of(user), organization, "other@example.org").problems == []


def test_invitations_per_user_are_limited(
    client_of: ClientOf, alice: User, bob: User, ada: User, archers: Organization
) -> None:
    client = client_of(alice)
    # Rejected invitations without a mail do not count.
    assert invite(client, archers, "x").problems == [("EMAIL_INVALID", "email")]
    assert invite(client_of(bob), archers, EMAIL).codes == ["FORBIDDEN"]
    client.http.defaults["REMOTE_ADDR"] = "192.0.2.1"
    for number in range(50):
        if number == 25:
            client.http.defaults["REMOTE_ADDR"] = "192.0.2.2"
        assert invite(client, archers, f"{number}@example.org").problems == []
    assert invite(client, archers, EMAIL).codes == LIMITED
    assert invite(client_of(ada), archers, EMAIL).problems == []
    assert tags() == [Tag.ORGANIZATION_INVITATION_SENT] * 51


# Listing and cancellation ----------------------------------------------------------------


def test_invitations_are_seen_by_managers_and_staff(
    client_of: ClientOf,
    alice: User,
    ada: User,
    bob: User,
    charlie: User,
    sam: User,
    archers: Organization,
) -> None:
    bakers = make_organization("Bakers", bob, role=Role.OWNER)
    make_organization_invitation(bakers, bob, email="other@example.org")
    older = make_organization_invitation(archers, alice, email="older@example.org")
    newer = make_organization_invitation(archers, alice, email=EMAIL, role=Role.ADMIN)
    found = [
        {"id": node_id(newer), "email": EMAIL, "role": "ADMIN"},
        {"id": node_id(older), "email": "older@example.org", "role": "MEMBER"},
    ]
    node = "query ($id: ID!) { node(id: $id) { ... on OrganizationInvitation { email } } }"
    for user, expected in ((alice, found), (ada, found), (sam, found), (bob, [])):
        client = client_of(user)
        answer = client(LIST, id=node_id(archers)).data["organization"]
        assert answer == {"invitations": expected}, user
        seen = client(node, id=node_id(newer)).data["node"]
        assert seen == ({"email": EMAIL} if expected else None)
    assert client_of(charlie)(LIST, id=node_id(archers)).data == {"organization": None}


def test_inviters_cancel_invitations(
    client_of: ClientOf, alice: User, ada: User, archers: Organization
) -> None:
    plain = make_organization_invitation(archers, alice, email=EMAIL)
    other = make_organization_invitation(archers, alice, email="a@y.org", role=Role.ADMIN)
    admin = client_of(ada)
    assert cancel(admin, other).codes == ["FORBIDDEN"]
    assert cancel(admin, plain).problems == []
    assert cancel(admin, plain).problems == [("NOT_FOUND", "invitationId")]
    assert cancel(client_of(alice), other).problems == []
    assert not OrganizationInvitation.objects.exists()
    assert tags() == [Tag.ORGANIZATION_INVITATION_CANCELED] * 2
    assert Event.objects.earliest("pk").subject_id == plain.nonce


def test_others_cannot_cancel_invitations(
    client_of: ClientOf,
    anonymous: GraphQLClient,
    alice: User,
    bob: User,
    charlie: User,
    sam: User,
    archers: Organization,
) -> None:
    invitation = make_organization_invitation(archers, alice, email=EMAIL)
    for user in (bob, charlie):
        answer = cancel(client_of(user), invitation)
        assert answer.problems == [("NOT_FOUND", "invitationId")]
    assert client_of(alice)(CANCEL, invitation="x").problems == [("NOT_FOUND", "invitationId")]
    assert cancel(client_of(sam), invitation).codes == ["FORBIDDEN"]
    assert cancel(anonymous, invitation).codes == ["UNAUTHENTICATED"]
    assert OrganizationInvitation.objects.exists()


def test_old_invitation_is_pruned(alice: User, archers: Organization) -> None:
    make_organization_invitation(archers, alice, email="older@example.org")
    OrganizationInvitation.objects.update(expires_at=timezone.now())
    newer = make_organization_invitation(archers, alice, email=EMAIL)
    prune_invitations()
    assert list(OrganizationInvitation.objects.all()) == [newer]
