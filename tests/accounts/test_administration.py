"""Administration of accounts, over GraphQL."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD, make_user, node_id
from tests.support.signing_in import tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

PERSON = "username email emailVerifiedAt name isPublic isStaff isSuperuser isActive groups { name }"
CREATE = f"""
    mutation ($input: CreateUserInput!) {{
      createUser(input: $input) {{
        user {{ {PERSON} profile {{ locale }} }}
        errors {{ code field }}
      }}
    }}
"""
UPDATE = f"""
    mutation ($input: UpdateUserInput!) {{
      updateUser(input: $input) {{ user {{ {PERSON} profile {{ bio }} }} errors {{ code field }} }}
    }}
"""
VERIFY = """
    mutation ($user: ID!) {
      verifyUserEmail(input: {userId: $user}) { user { emailVerifiedAt } errors { code field } }
    }
"""
LOG_IN = """
    mutation ($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password}) { user { username } errors { code } }
    }
"""
NEW = {"email": "Nina@example.org", "username": "Nina", "password": PASSWORD}


@pytest.fixture
def update(client_of: ClientOf, root: User) -> Callable[..., Answer]:
    client = client_of(root)
    return lambda user, **changes: client(UPDATE, input={"userId": node_id(user)} | changes)


# Creating --------------------------------------------------------------------------------


def test_created_user_can_log_in(client_of: ClientOf, root: User, anonymous: GraphQLClient) -> None:
    answer = client_of(root)(CREATE, input=NEW | {"locale": "de", "isStaff": True})
    assert answer.data["createUser"] == {
        "user": {
            "username": "nina",
            "email": "nina@example.org",
            "emailVerifiedAt": None,
            "name": "",
            "isPublic": False,
            "isStaff": True,
            "isSuperuser": False,
            "isActive": True,
            "groups": [],
            "profile": {"locale": "de"},
        },
        "errors": [],
    }
    assert tags() == [Tag.USER_CREATED]
    signed_in = anonymous(LOG_IN, login="nina", password=PASSWORD)
    assert signed_in.data["logIn"]["user"] == {"username": "nina"}


def test_administrator_sets_verified_address_and_reserved_username(
    client_of: ClientOf, root: User
) -> None:
    fields = NEW | {"username": "support", "isEmailVerified": True}
    user = client_of(root)(CREATE, input=fields).data["createUser"]["user"]
    assert user["username"] == "support"
    assert user["emailVerifiedAt"] is not None


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": "x"}, ("EMAIL_INVALID", "email")),
        ({"email": "ROOT@example.org"}, ("EMAIL_TAKEN", "email")),
        ({"username": "root"}, ("USERNAME_TAKEN", "username")),
        ({"username": "a b"}, ("USERNAME_INVALID", "username")),
        ({"password": "short"}, ("PASSWORD_TOO_WEAK", "password")),
        ({"name": "n" * 151}, ("VALUE_INVALID", "name")),
        ({"name": "\0"}, ("VALUE_INVALID", "name")),
        ({"locale": "no language"}, ("LOCALE_UNSUPPORTED", "locale")),
    ],
)
def test_bad_account_is_refused(
    client_of: ClientOf, root: User, fields: dict[str, str], problem: tuple[str, str]
) -> None:
    assert client_of(root)(CREATE, input=NEW | fields).problems == [problem]
    assert User.objects.count() == 1
    assert tags() == []


# Changing --------------------------------------------------------------------------------


def test_all_fields_change_in_one_update(update: Callable[..., Answer], alice: User) -> None:
    editors = Group.objects.create(name="Editors")
    answer = update(
        alice,
        email="A@example.net",
        username="Ann",
        name="Ann Archer",
        isPublic=True,
        bio="Shoots.",
        isStaff=True,
        groupIds=[node_id(editors), node_id(editors)],
    )
    assert answer.data["updateUser"] == {
        "user": {
            "username": "ann",
            "email": "a@example.net",
            "emailVerifiedAt": None,
            "name": "Ann Archer",
            "isPublic": True,
            "isStaff": True,
            "isSuperuser": False,
            "isActive": True,
            "groups": [{"name": "Editors"}],
            "profile": {"bio": "Shoots."},
        },
        "errors": [],
    }
    assert tags() == [
        Tag.EMAIL_CHANGED,
        Tag.USERNAME_CHANGED,
        Tag.PROFILE_CHANGED,
        Tag.USER_CHANGED,
        Tag.USER_GROUPS_CHANGED,
    ]
    assert Event.objects.get(tag=Tag.USER_CHANGED).data == {
        "old": {"is_staff": False},
        "new": {"is_staff": True},
    }


def test_unchanged_values_write_nothing(update: Callable[..., Answer], alice: User) -> None:
    same: dict[str, Any] = {"email": "ALICE@example.org", "username": "alice", "isStaff": False}
    assert update(alice, name="Alice Archer", groupIds=[], **same).problems == []
    assert update(alice).problems == []
    assert tags() == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"email": "x"}, ("EMAIL_INVALID", "email")),
        ({"email": "bob@example.org"}, ("EMAIL_TAKEN", "email")),
        ({"username": "bob"}, ("USERNAME_TAKEN", "username")),
        ({"username": "!"}, ("USERNAME_INVALID", "username")),
        ({"website": "javascript:x"}, ("VALUE_INVALID", "website")),
        ({"groupIds": ["x"]}, ("NOT_FOUND", "groupIds")),
        ({"groupIds": ["R3JvdXA6MTIzNDU2Nzg5MDEyMzQ1"]}, ("NOT_FOUND", "groupIds")),
    ],
)
def test_update_is_atomic(
    update: Callable[..., Answer],
    alice: User,
    bob: User,
    changes: dict[str, Any],
    problem: tuple[str, str],
) -> None:
    assert update(alice, **({"name": "Ann", "isStaff": True} | changes)).problems == [problem]
    alice.refresh_from_db()
    assert (alice.name, alice.is_staff) == ("Alice Archer", False)
    assert tags() == []


@pytest.mark.parametrize("user_id", ["", "x", "VXNlcjp4", "R3JvdXA6MQ==", "VXNlcjowMTk="])
def test_unknown_user_is_not_found(client_of: ClientOf, root: User, user_id: str) -> None:
    answer = client_of(root)(UPDATE, input={"userId": user_id, "name": "x"})
    assert answer.problems == [("NOT_FOUND", "userId")]
    answer = client_of(root)(VERIFY, user=user_id)
    assert answer.problems == [("NOT_FOUND", "userId")]


def test_last_administrator_is_kept(update: Callable[..., Answer], root: User) -> None:
    answer = update(root, isSuperuser=False)
    assert answer.problems == [("LAST_ADMINISTRATOR", "isSuperuser")]
    make_user("other", is_superuser=True)
    assert update(root, isSuperuser=False).problems == []


def test_role_change_applies_to_the_next_request(
    update: Callable[..., Answer], client_of: ClientOf, alice: User
) -> None:
    client = client_of(alice)
    analytics = '{ analytics(from: "2026-01-01", to: "2026-01-01") { logIns } }'
    assert client(analytics).codes == ["FORBIDDEN"]
    assert update(alice, isStaff=True).problems == []
    assert client(analytics).codes == []


def test_staff_edit_only_profiles(client_of: ClientOf, sam: User, alice: User) -> None:
    client, user = client_of(sam), node_id(alice)
    assert client(UPDATE, input={"userId": user, "bio": "Shoots."}).problems == []
    refused: list[dict[str, Any]] = [{"isStaff": True}, {"groupIds": []}]
    for change in ({"email": "x@y.z"}, {"username": "ann"}, *refused):
        assert client(UPDATE, input={"userId": user} | change).codes == ["FORBIDDEN"]
    assert tags() == [Tag.PROFILE_CHANGED]


def test_own_identifiers_require_step_up(update: Callable[..., Answer], root: User) -> None:
    answer = update(root, email="new@example.org", username="new", name="Root")
    assert answer.problems == [("VALUE_INVALID", "email"), ("VALUE_INVALID", "username")]
    assert update(root, email=root.email, username=root.username, name="Root").problems == []
    root.refresh_from_db()
    assert (root.email, root.username, root.name) == ("root@example.org", "root", "Root")


# Marking as verified ---------------------------------------------------------------------


def test_address_is_marked_verified_once(client_of: ClientOf, root: User, alice: User) -> None:
    client = client_of(root)
    answers = [client(VERIFY, user=node_id(alice)).data for _time in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["verifyUserEmail"]["user"]["emailVerifiedAt"] is not None
    assert tags() == [Tag.EMAIL_VERIFIED]
