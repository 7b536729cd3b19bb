"""A request that waits for the row lock sees a concurrent deactivation."""

from collections.abc import Callable
from typing import Final

import pytest
from django.utils import timezone

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import (
    PASSWORD,
    make_organization,
    make_organization_invitation,
    make_token,
    make_user,
)
from tests.support.images import make_image
from tests.support.waiting import meanwhile
from tests.support.world import everything
from users.accounts.models import EmailAddress, Profile, User
from users.activity.models import Event
from users.organizations.models import Role

OTHER: Final = "alice@example.net"
NEW_PASSWORD: Final = "another phrase to remember"
# The user's own mutations that write to the user or to credentials.
MUTATIONS: Final = {
    "addEmailAddress": f'(input: {{email: "new@example.org", password: "{PASSWORD}"}})',
    "requestEmailChange": f'(input: {{email: "new@example.org", password: "{PASSWORD}"}})',
    "setPrimaryEmailAddress": f'(input: {{email: "{OTHER}", password: "{PASSWORD}"}})',
    "removeEmailAddress": f'(input: {{email: "{OTHER}", password: "{PASSWORD}"}})',
    "changeUsername": f'(input: {{username: "another", password: "{PASSWORD}"}})',
    "changePassword": (
        f'(input: {{currentPassword: "{PASSWORD}", newPassword: "{NEW_PASSWORD}"}})'
    ),
    "updateProfile": '(input: {name: "Another"})',
    "removeAvatar": "",
    "beginTotpEnrollment": "",
    "deleteMe": f'(input: {{password: "{PASSWORD}"}})',
}


def during_deactivation(user: User, ask: Callable[[], Answer]) -> Answer:
    """Deactivate the user while the request waits for the user's row lock."""
    return meanwhile(user, ask, lambda: User.objects.filter(pk=user.pk).update(is_active=False))


@pytest.fixture
def alice(transactional_db: None) -> User:
    alice = make_user("alice")
    EmailAddress.objects.create(user=alice, email=OTHER, verified_at=timezone.now())
    Profile.objects.update(avatar="0" * 32)
    return alice


def assert_nothing_happened(user: User, ask: Callable[[], Answer]) -> None:
    before = everything()
    assert during_deactivation(user, ask).codes == ["UNAUTHENTICATED"]
    User.objects.update(is_active=True)
    assert everything() == before
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", MUTATIONS)
def test_pending_requests_are_refused_after_deactivation(alice: User, name: str) -> None:
    client = GraphQLClient(make_token(alice))
    document = f"mutation {{ {name}{MUTATIONS[name]} {{ errors {{ code field }} }} }}"
    assert_nothing_happened(alice, lambda: client(document))


def test_avatar_is_not_stored(alice: User) -> None:
    client = GraphQLClient(make_token(alice))
    document = "mutation ($image: Upload!) { setAvatar(input: {image: $image}) { errors {code} } }"
    assert_nothing_happened(alice, lambda: client.upload(document, make_image()))


def test_organization_is_not_joined(alice: User) -> None:
    organization = make_organization("Bakers", make_user("bob"), role=Role.OWNER)
    bob = organization.memberships.get().user
    token = make_organization_invitation(organization, bob, email=alice.email).token
    client = GraphQLClient(make_token(alice))
    document = f"""
        mutation {{ acceptOrganizationInvitation(input: {{token: "{token}"}}) {{
          errors {{ code field }}
        }} }}
    """
    assert_nothing_happened(alice, lambda: client(document))
