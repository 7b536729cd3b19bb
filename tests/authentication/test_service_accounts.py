"""Service accounts: they cannot sign in, and are listed apart from users."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests.support.api_tokens import (
    CREATE_SERVICE,
    DEACTIVATE,
    assert_dead,
    create_for_service,
    rotate,
)
from tests.support.client import GraphQLClient
from tests.support.factories import (
    PASSWORD,
    make_api_token,
    make_organization,
    make_service,
    make_user,
    node_id,
)
from tests.support.signing_in import LOG_IN, REFUSED, ClientOf, log_in, tags
from tests.support.sink import Sink
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import ApiToken, PasswordReset, Session
from users.authentication.tasks import mail_api_token_created, mail_password_reset

ROBOT = {"username": "robot", "name": "Robot"}
USERS = "{ users(first: 9) { nodes { username } totalCount { value } } }"
SERVICES = "{ serviceAccounts(first: 9) { nodes { username } totalCount { value } } }"


@pytest.fixture
def robot(db: None) -> User:
    return make_service("robot")


def test_administrator_creates_a_service_account_and_token(
    client_of: ClientOf, root: User, bob: User
) -> None:
    client = client_of(root)
    payload = client(CREATE_SERVICE, input=ROBOT | {"isStaff": True}).data["createServiceAccount"]
    robot = User.objects.get(username="robot")
    assert payload == {
        "user": {
            "id": node_id(robot),
            "username": "robot",
            "isService": True,
            "isStaff": True,
            "isSuperuser": False,
            "isActive": True,
        },
        "errors": [],
    }
    payload = create_for_service(client, robot).data["createServiceAccountToken"]
    assert payload["errors"] == []
    secret = payload["secret"]
    assert secret.startswith("roster_sat_")
    query = "query ($id: ID!) { me { username isService } user(id: $id) { email } }"
    assert GraphQLClient(secret)(query, id=node_id(bob)).data == {
        "me": {"username": "robot", "isService": True},
        "user": {"email": "bob@example.org"},
    }
    assert tags() == ["account:service_account:create", "token:api_token:create"]
    made, token = Event.objects.order_by("pk")
    assert made.data == {"is_staff": True, "is_superuser": False}
    assert (token.actor_id, token.subject_id) == (root.pk, robot.pk)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"username": "x"}, ("USERNAME_INVALID", "username")),
        ({"username": "root"}, ("USERNAME_TAKEN", "username")),
        ({"name": "x" * 151}, ("VALUE_INVALID", "name")),
    ],
    ids=str,
)
def test_invalid_input_creates_no_service_account(
    client_of: ClientOf, root: User, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    assert client_of(root)(CREATE_SERVICE, input=ROBOT | changes).problems == [problem]
    assert User.objects.count() == 1
    assert tags() == []


# Signing in ------------------------------------------------------------------------------


def test_service_accounts_cannot_log_in(robot: User) -> None:
    for login in (robot.username, robot.email):
        assert GraphQLClient()(LOG_IN, login=login, password=PASSWORD).problems == REFUSED
    assert not Session.objects.exists()


def test_constraints_forbid_passwords_and_mailboxes(robot: User, alice: User) -> None:
    for change in (
        {"password": alice.password},
        {"email": "robot@example.org"},
        {"is_public": True},
    ):
        refused = pytest.raises(IntegrityError, match="user_service_cannot_log_in")
        with refused, transaction.atomic():
            User.objects.filter(pk=robot.pk).update(**change)


def test_no_password_is_mailed(robot: User, root: User, client_of: ClientOf, mails: Sink) -> None:
    ask = """
        mutation ($email: String!) {
          requestPasswordReset(input: {email: $email}) { errors { code } }
        }
    """
    force = "mutation ($id: ID!) { requirePasswordReset(input: {userId: $id}) { errors { code } } }"
    assert GraphQLClient()(ask, email=robot.email).problems == []
    assert client_of(root)(force, id=node_id(robot)).problems == []
    for event in Event.objects.order_by("pk"):
        mail_password_reset(str(event.pk))
    assert not PasswordReset.objects.exists()
    assert mails.is_empty()


def test_no_mail_is_sent_about_its_tokens(
    robot: User, root: User, client_of: ClientOf, mails: Sink
) -> None:
    assert create_for_service(client_of(root), robot).problems == []
    mail_api_token_created(str(Event.objects.get().pk))
    assert mails.is_empty()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('email: "robot@example.org"', ("EMAIL_INVALID", "email")),
        ("isPublic: true", ("VALUE_INVALID", "isPublic")),
    ],
)
def test_service_account_has_no_mailbox_and_is_not_public(
    robot: User, root: User, client_of: ClientOf, change: str, problem: tuple[str, str]
) -> None:
    update = f"""
        mutation ($id: ID!) {{ updateUser(input: {{userId: $id, {change}}}) {{
          errors {{ code field }}
        }} }}
    """
    assert client_of(root)(update, id=node_id(robot)).problems == [problem]
    assert tags() == []


def test_service_account_cannot_become_public(robot: User) -> None:
    client = GraphQLClient(make_api_token(robot, "profile:write"))
    update = "mutation { updateProfile(input: {isPublic: true}) { errors { code field } } }"
    assert client(update).problems == [("VALUE_INVALID", "isPublic")]


# Directory -------------------------------------------------------------------------------


def test_service_accounts_are_listed_separately(
    client_of: ClientOf, robot: User, sam: User
) -> None:
    client = client_of(sam)
    assert client(USERS).data["users"] == {
        "nodes": [{"username": "sam"}],
        "totalCount": {"value": 1},
    }
    assert client(SERVICES).data["serviceAccounts"] == {
        "nodes": [{"username": "robot"}],
        "totalCount": {"value": 1},
    }
    for arguments in ('search: "robot"', "filter: {isActive: true}", 'search: "service.invalid"'):
        found = client(f"{{ users(first: 9, {arguments}) {{ nodes {{ username }} }} }}").data
        assert {"username": "robot"} not in found["users"]["nodes"]


def test_others_cannot_find_service_accounts(client_of: ClientOf, robot: User, alice: User) -> None:
    client = client_of(alice)
    query = "query ($id: ID!) { user(id: $id) { username } }"
    assert client(query, id=node_id(robot)).data == {"user": None}
    assert client(SERVICES).codes == ["FORBIDDEN"]
    make_organization("Archers", alice, robot)
    assert client(query, id=node_id(robot)).data == {"user": {"username": "robot"}}


def test_service_account_does_not_count_as_administrator(client_of: ClientOf, root: User) -> None:
    make_service("robot", is_staff=True, is_superuser=True)
    demote = """
        mutation ($id: ID!) {
          updateUser(input: {userId: $id, isSuperuser: false}) { errors { code field } }
        }
    """
    answer = client_of(root)(demote, id=node_id(root))
    assert answer.problems == [("LAST_ADMINISTRATOR", "isSuperuser")]
    assert User.objects.get(pk=root.pk).is_superuser


# Tokens ----------------------------------------------------------------------------------


def test_administrators_rotate_its_tokens(client_of: ClientOf, root: User, robot: User) -> None:
    old = make_api_token(robot, "users:read")
    payload = rotate(client_of(root), ApiToken.objects.get(), overlapMinutes=0).data
    assert_dead(old)
    secret = payload["rotateApiToken"]["secret"]
    assert secret.startswith("roster_sat_")
    assert GraphQLClient(secret)("{ me { username } }").data == {"me": {"username": "robot"}}


@pytest.mark.parametrize("who", ["person", "unknown", "inactive"])
def test_service_account_tokens_require_a_service_account(
    client_of: ClientOf, root: User, alice: User, robot: User, who: str
) -> None:
    User.objects.filter(pk=robot.pk).update(is_active=False)
    owner = {"person": alice, "unknown": User(), "inactive": robot}[who]
    answer = create_for_service(client_of(root), owner)
    assert answer.problems == [("NOT_FOUND", "serviceAccountId")]
    assert not ApiToken.objects.exists()


def test_deactivated_service_account_stops_working(
    client_of: ClientOf, root: User, robot: User
) -> None:
    secret = make_api_token(robot, "users:read")
    client = client_of(root)
    answer = client(DEACTIVATE, id=node_id(robot))
    assert answer.data["deactivateServiceAccount"] == {"user": {"isActive": False}, "errors": []}
    assert_dead(secret)
    assert not ApiToken.objects.exists()
    assert Event.objects.get().data == {"tokens": 1}
    client(DEACTIVATE, id=node_id(robot))
    assert Event.objects.count() == 1
    reactivate = "mutation ($id: ID!) { reactivateUser(input: {userId: $id}) { errors { code } } }"
    assert client(reactivate, id=node_id(robot)).problems == []
    assert_dead(secret)
    assert create_for_service(client, robot).problems == []


def test_users_cannot_be_deactivated_as_service_accounts(
    client_of: ClientOf, root: User, alice: User
) -> None:
    answer = client_of(root)(DEACTIVATE, id=node_id(alice))
    assert answer.problems == [("NOT_FOUND", "serviceAccountId")]
    assert User.objects.get(pk=alice.pk).is_active


def test_service_account_uses_its_scopes(client_of: ClientOf, transactional_db: None) -> None:
    """A directory sync: an administrator service account that may only create users."""
    make_user("root", is_staff=True, is_superuser=True)
    root = GraphQLClient(log_in("root")["accessToken"])
    created = root(CREATE_SERVICE, input=ROBOT | {"isStaff": True, "isSuperuser": True})
    assert created.problems == []
    robot = User.objects.get(username="robot")
    answer = create_for_service(root, robot, scopes=["USERS_WRITE"])
    sync = GraphQLClient(answer.data["createServiceAccountToken"]["secret"])
    create = """
        mutation ($staff: Boolean!) {
          createUser(input: {
            email: "eve@example.org", username: "eve", password: "a phrase to remember",
            isStaff: $staff
          }) { user { username email } errors { code } }
        }
    """
    assert sync(create, staff=True).codes == ["INSUFFICIENT_SCOPE"]
    assert not User.objects.filter(username="eve").exists()
    assert sync(create, staff=False).data["createUser"] == {
        "user": {"username": "eve", "email": "eve@example.org"},
        "errors": [],
    }
