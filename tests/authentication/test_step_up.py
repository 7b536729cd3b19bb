"""Step-up: sensitive operations require recent authentication."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from schema.http.execution import ROOT_FIELDS
from tests.support.client import GraphQLClient
from tests.support.executors import BY_ENGINE
from tests.support.factories import PASSWORD, make_session
from tests.support.passkeys import options_for, with_passkey
from tests.support.second_factors import (
    BEGIN_TOTP,
    CONFIRM_TOTP,
    REAUTHENTICATE,
    REGENERATE,
    REMOVE_TOTP,
    age_authentication,
    code_of,
    fresh_code,
    log_in_fully,
    set_up_totp,
    wrong_code,
)
from tests.support.signing_in import ALICE, ME, THROTTLED, ClientOf, log_in_by_cookie, tags
from tests.support.tables.authorization.kinds import ADMINISTRATOR, OWNER, USER
from tests.support.tables.authorization.writes import OK, WRITES
from tests.support.world import World, everything, outcome, write
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token

REQUIRED = ["REAUTHENTICATION_REQUIRED"]
SENSITIVE = [name for name, access in ROOT_FIELDS.access.items() if access.reauthenticate]
# These take the password as an argument, which authenticates users without a second factor.
WITH_PASSWORD = {
    *("changePassword", "requestEmailChange", "changeUsername", "deleteOrganization"),
    *("createApiToken", "rotateApiToken", "createServiceAccountToken", "deleteMe"),
    *("addEmailAddress", "setPrimaryEmailAddress", "removeEmailAddress"),
}


def allowed_client(name: str) -> str:
    """Return a kind of client that may call the mutation."""
    _input, expected = WRITES[name]
    return next(kind for kind in (OWNER, ADMINISTRATOR, USER) if expected[kind] == OK)


# Sensitive operations --------------------------------------------------------------------


@BY_ENGINE
@pytest.mark.parametrize("name", SENSITIVE)
def test_sensitive_mutations_require_recent_authentication(world: World, name: str) -> None:
    kind = allowed_client(name)
    age_authentication()
    before = everything()
    answer = world.ask(kind, write(name))
    if name in WITH_PASSWORD and kind != OWNER:
        assert outcome(answer) == OK
        return
    assert answer.codes == REQUIRED
    assert answer.body["errors"][0]["extensions"]["maxAge"] == 600
    assert everything() == before


@BY_ENGINE
@pytest.mark.parametrize("name", sorted({*WRITES} - {*SENSITIVE}))
def test_other_mutations_require_no_recent_authentication(world: World, name: str) -> None:
    age_authentication()
    _input, expected = WRITES[name]
    assert outcome(world.ask(OWNER, write(name))) == expected[OWNER]


def test_permissions_are_sensitive_and_profiles_are_not(world: World) -> None:
    age_authentication()
    change = "mutation {{ updateUser(input: {{userId: $owner, {0}}}) {{ errors {{ code }} }} }}"
    assert world.ask(ADMINISTRATOR, change.format('bio: "x"')).problems == []
    for field in ("isStaff: true", 'username: "x11"', "permissions: []", "groupIds: []"):
        assert world.ask(ADMINISTRATOR, change.format(field)).codes == REQUIRED


# Methods ---------------------------------------------------------------------------------


def test_password_suffices_without_a_factor(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    age_authentication()
    answer = client(BEGIN_TOTP)
    assert answer.codes == REQUIRED
    assert answer.body["errors"][0]["extensions"]["methods"] == ["PASSWORD"]
    wrong = client(REAUTHENTICATE, proof={"password": "wrong"})
    assert wrong.problems == [("PASSWORD_WRONG", "password")]
    assert client(BEGIN_TOTP).codes == REQUIRED
    assert client(REAUTHENTICATE, proof={"password": PASSWORD}).problems == []
    assert client(BEGIN_TOTP).problems == []
    assert tags() == ["password:user:refuse", "session:user:reauthenticate"]


def test_password_does_not_suffice_with_a_factor(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    set_up_totp(client)
    age_authentication()
    answer = client(REAUTHENTICATE, proof={"password": PASSWORD})
    assert answer.codes == REQUIRED
    assert answer.body["errors"][0]["extensions"]["methods"] == ["TOTP", "RECOVERY_CODE"]
    assert client(REMOVE_TOTP).codes == REQUIRED


def test_recent_password_does_not_replace_an_old_factor(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    set_up_totp(client)
    age_authentication()
    Session.objects.update(authenticated_at=timezone.now())
    change = f"""mutation {{ changePassword(input: {{
      currentPassword: "{PASSWORD}", newPassword: "another phrase to remember"
    }}) {{ errors {{ code }} }} }}"""
    assert client(change).codes == REQUIRED
    assert User.objects.get().check_password(PASSWORD)
    assert client(REAUTHENTICATE, proof={"totp": fresh_code(alice)}).problems == []
    assert client(change).problems == []


def test_code_steps_up_once(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    secret, codes = set_up_totp(client)
    age_authentication()
    code = code_of(secret, later=1)
    assert client(REAUTHENTICATE, proof={"totp": code}).problems == []
    assert client(REGENERATE).problems == []
    age_authentication()
    again = client(REAUTHENTICATE, proof={"totp": code})
    assert again.problems == [("CODE_INVALID", "totp")]
    # The codes before `regenerateRecoveryCodes`.
    old = client(REAUTHENTICATE, proof={"recoveryCode": codes[0]})
    assert old.problems == [("CODE_INVALID", "recoveryCode")]
    assert client(REGENERATE).codes == REQUIRED


def test_recovery_code_steps_up(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    _secret, codes = set_up_totp(client)
    age_authentication()
    assert client(REAUTHENTICATE, proof={"recoveryCode": codes[0]}).problems == []
    assert client(REMOVE_TOTP).problems == []


def test_passkey_steps_up_the_session_of_its_challenge(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    device = with_passkey(client)
    other = GraphQLClient(issue_access_token(make_session(User.objects.get())))
    age_authentication()
    stolen = device.get(options_for("REAUTHENTICATION", other))
    refused = client(REAUTHENTICATE, proof={"passkey": stolen})
    assert refused.problems == [("PASSKEY_INVALID", "passkey")]
    proof = {"passkey": device.get(options_for("REAUTHENTICATION", client))}
    assert client(REAUTHENTICATE, proof=proof).problems == []
    assert client(REGENERATE).problems == []
    assert other(REGENERATE).codes == REQUIRED


def test_exactly_one_proof_is_accepted(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    for proof in ({}, {"password": PASSWORD, "totp": "123456"}, {"password": None}):
        assert client(REAUTHENTICATE, proof=proof).codes == ["GRAPHQL_VARIABLES_INVALID"]


def test_guessing_is_throttled(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    secret, codes = set_up_totp(client)
    for _attempt in range(5):
        answer = client(REAUTHENTICATE, proof={"totp": wrong_code(secret)})
        assert answer.problems == [("CODE_INVALID", "totp")]
    assert client(REAUTHENTICATE, proof={"recoveryCode": codes[0]}).codes == THROTTLED
    assert Event.objects.filter(tag="factor:user:refuse").count() == 5


# Scope -----------------------------------------------------------------------------------


def test_reauthentication_applies_to_one_session(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    set_up_totp(client)
    other = log_in_fully(alice)
    age_authentication()
    assert client(REAUTHENTICATE, proof={"totp": fresh_code(alice)}).problems == []
    assert client(REGENERATE).problems == []
    assert other(REGENERATE).codes == REQUIRED


def test_browser_gets_a_new_cookie(alice: User) -> None:
    client = log_in_by_cookie()
    former = client.http.cookies["roster"].value
    assert client(REAUTHENTICATE, proof={"password": PASSWORD}).problems == []
    assert client.http.cookies["roster"].value != former
    assert client(ME).data == ALICE
    client.http.cookies["roster"] = former
    assert client(ME).data == {"me": None}


def test_activity_does_not_renew_authentication(
    client_of: ClientOf, alice: User, settings: Any
) -> None:
    settings.REAUTHENTICATION_TTL = dt.timedelta(minutes=1)
    client = log_in_by_cookie()
    age_authentication(minutes=2)
    Session.objects.update(last_seen_at=timezone.now() - dt.timedelta(days=1))
    assert client(ME).data == ALICE
    answer = client(BEGIN_TOTP)
    assert answer.codes == REQUIRED
    assert answer.body["errors"][0]["extensions"]["maxAge"] == 60


def test_removed_factor_invalidates_its_authentication(client_of: ClientOf, alice: User) -> None:
    """Authentication by a removed factor does not count for a factor added later."""
    client = client_of(alice)
    set_up_totp(client)
    assert client(REMOVE_TOTP).problems == []
    age_authentication()
    assert client(BEGIN_TOTP).codes == REQUIRED
    assert client(CONFIRM_TOTP, code="123456").problems == [("CODE_INVALID", "code")]
