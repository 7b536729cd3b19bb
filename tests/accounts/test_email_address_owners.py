"""Uniqueness of addresses across users, in every flow and under concurrency."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.accounts.test_email_addresses import (
    CONFIRM,
    NEW,
    PRIMARY,
    addresses,
    give_address,
    secondary_addresses,
)
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_token, make_user
from users.accounts.models import EmailAddition, EmailAddress, User

ClientOf = Callable[[User], GraphQLClient]


def test_pending_address_is_confirmed_by_one_user(transactional_db: None) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    expires_at = timezone.now() + dt.timedelta(hours=1)
    tokens = [
        EmailAddition.objects.create(user=user, email=NEW, expires_at=expires_at).token
        for user in (alice, bob)
    ]
    answers = run_concurrently(
        *(lambda each=each: GraphQLClient()(CONFIRM, token=each).problems for each in tokens)
    )
    assert sorted(answers) == [[], [("EMAIL_TAKEN", "token")]]
    assert (
        len({*secondary_addresses(alice), *secondary_addresses(bob)})
        == EmailAddress.objects.count()
        == 1
    )


@pytest.mark.parametrize("round_", range(5))
def test_concurrent_sign_up_and_addition_create_one_address(
    transactional_db: None, round_: int
) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    alice = make_user("alice")
    expires_at = timezone.now() + dt.timedelta(hours=1)
    confirm = EmailAddition.objects.create(user=alice, email=NEW, expires_at=expires_at).token
    create = f"""
        mutation {{
          createUser(input: {{
            email: "{NEW}", username: "nina", password: "a phrase to remember {round_}"
          }}) {{ errors {{ code field }} }}
        }}
    """
    administrator = GraphQLClient(make_token(root))
    answers = run_concurrently(
        lambda: GraphQLClient()(CONFIRM, token=confirm).problems,
        lambda: administrator(create).problems,
    )
    assert sorted(map(len, answers)) == [0, 1]
    assert (("EMAIL_TAKEN", "token") in answers[0]) != (("EMAIL_TAKEN", "email") in answers[1])
    assert User.objects.filter(email=NEW).count() + EmailAddress.objects.count() == 1


def test_constraints_keep_addresses_unique(alice: User, bob: User) -> None:
    give_address(alice)
    for constraint, write in (
        ("email_address_of_one_person", lambda: give_address(bob, PRIMARY)),
        ("email_address_of_one_person", lambda: give_address(bob, bob.email)),
        ("email_address_of_one_person", lambda: User.objects.filter(pk=bob.pk).update(email=NEW)),
        ("email_address_of_one_person", lambda: make_user("nina", email=NEW)),
        ("email_address_unique", lambda: give_address(bob)),
        ("email_address_canonical", lambda: give_address(bob, "Bob@example.net")),
    ):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            write()
    assert (addresses(alice), addresses(bob)) == ({PRIMARY, NEW}, {bob.email})


def test_administrators_cannot_assign_a_taken_address(
    client_of: ClientOf, alice: User, bob: User, root: User
) -> None:
    give_address(alice)
    update = """
        mutation ($id: ID!, $email: String!) {
          updateUser(input: {userId: $id, email: $email}) { errors { code field } }
        }
    """
    found = client_of(root)("{ users(first: 9) { nodes { id username } } }").data["users"]["nodes"]
    ids = {each["username"]: each["id"] for each in found}
    answer = client_of(root)(update, id=ids["bob"], email=NEW)
    assert answer.problems == [("EMAIL_TAKEN", "email")]
    invite = f'mutation {{ inviteUser(input: {{email: "{NEW}"}}) {{ errors {{ code field }} }} }}'
    assert client_of(root)(invite).problems == [("EMAIL_TAKEN", "email")]
    # The user's own secondary address becomes the primary one.
    assert client_of(root)(update, id=ids["alice"], email=NEW).problems == []
    assert addresses(alice) == {NEW}
