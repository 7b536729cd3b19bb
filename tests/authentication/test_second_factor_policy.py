"""Second factor policy, resets by administrators, mails and key rotation."""

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.support.client import GraphQLClient
from tests.support.executors import BY_ENGINE
from tests.support.factories import (
    PASSWORD,
    make_api_token,
    make_service,
    make_session,
    make_user,
    node_id,
)
from tests.support.passkeys import Authenticator, register
from tests.support.passkeys import log_in as log_in_by_passkey
from tests.support.second_factors import (
    BEGIN_TOTP,
    FACTORS,
    REAUTHENTICATE,
    REGENERATE,
    REMOVE_TOTP,
    RESET,
    age_authentication,
    fresh_code,
    half_log_in,
    log_in_fully,
    set_up_totp,
    strong_client,
    verify,
)
from tests.support.signing_in import ALICE, LOG_OUT, ME, ClientOf, log_in, refresh, tags
from tests.support.sink import Sink
from tests.support.tables.authorization.kinds import KINDS, OWNER
from tests.support.tables.authorization.writes import WRITES
from tests.support.world import World, everything, write
from users.accounts.models import User
from users.activity.models import Event
from users.authentication.models import (
    Passkey,
    PasskeyChallenge,
    PendingLogIn,
    RecoveryCode,
    Session,
    Totp,
)
from users.authentication.services.passwords import prepare_password_reset
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.tasks import prune_challenges

DAY = dt.timedelta(days=1)
REQUIRED = ["SECOND_FACTOR_REQUIRED"]
# The operations of a user with an overdue enrollment: enroll and sign out.
ENROLLING = {
    *("beginTotpEnrollment", "confirmTotpEnrollment"),
    *("beginPasskeyRegistration", "registerPasskey"),
    *("reauthenticate", "logOut", "refreshTokens"),
}


# Policy ----------------------------------------------------------------------------------


@pytest.fixture
def demanded(settings: Any) -> Any:
    """Require a second factor of all users, without a grace period."""
    settings.SECOND_FACTOR = "all"
    settings.SECOND_FACTOR_GRACE = dt.timedelta(0)
    return settings


def test_users_without_a_required_factor_can_only_enroll(
    client_of: ClientOf, alice: User, demanded: Any
) -> None:
    client = client_of(alice)
    assert client(ME).data == {"me": None}
    assert client("{ users(first: 1) { nodes { id } } }").codes == REQUIRED
    assert client(REGENERATE).codes == REQUIRED
    set_up_totp(client)
    assert client(ME).data == ALICE
    assert client("{ users(first: 1) { nodes { id } } }").codes == []
    assert Event.objects.get(tag="factor:user:enroll").actor_id == alice.pk


def test_passkey_satisfies_the_policy(client_of: ClientOf, alice: User, demanded: Any) -> None:
    client = client_of(alice)
    register(client, Authenticator())
    assert client(ME).data == ALICE


def test_users_without_a_required_factor_reauthenticate_and_sign_out(
    client_of: ClientOf, alice: User, demanded: Any
) -> None:
    client = client_of(alice)
    age_authentication()
    assert client(BEGIN_TOTP).codes == ["REAUTHENTICATION_REQUIRED"]
    assert client(REAUTHENTICATE, proof={"password": PASSWORD}).problems == []
    assert client(BEGIN_TOTP).problems == []
    tokens = log_in()
    assert refresh(tokens["refreshToken"]).problems == []
    assert client(LOG_OUT).problems == []
    assert client(BEGIN_TOTP).status == 401
    assert Event.objects.filter(tag="session:user:log_out").get().subject_id == alice.pk


@BY_ENGINE
@pytest.mark.parametrize("name", sorted({*WRITES} - ENROLLING))
def test_users_without_a_required_factor_change_nothing_else(
    world: World, settings: Any, name: str
) -> None:
    """Operations without authentication work as for anonymous clients."""
    _input, expected = WRITES[name]
    settings.SECOND_FACTOR_GRACE = dt.timedelta(0)
    due = make_user("due", is_staff=True, is_superuser=True)
    client = GraphQLClient(token_of(due))
    before = everything()
    world.clients[OWNER] = client
    answer = world.ask(OWNER, write(name))
    if expected[KINDS[0]] == "UNAUTHENTICATED":
        assert answer.codes == REQUIRED
        assert everything() == before
    else:
        assert answer.codes == []


def test_policy_applies_to_api_tokens(client_of: ClientOf, alice: User, demanded: Any) -> None:
    """The token is not revoked: it works again once its owner has a factor."""
    secret = make_api_token(alice, "profile:write", "users:read")
    client = GraphQLClient(secret)
    assert client(ME).data == {"me": None}
    assert client("{ users(first: 1) { nodes { id } } }").codes == REQUIRED
    rename = 'mutation { updateProfile(input: {name: "Mallory"}) { errors { code } } }'
    assert client(rename).codes == REQUIRED
    assert client(BEGIN_TOTP).codes == ["INSUFFICIENT_SCOPE"]
    alice.refresh_from_db()
    assert (alice.name, alice.second_factors) == ("Alice Archer", [])
    set_up_totp(client_of(alice))
    assert client(ME).data == ALICE


def test_service_accounts_need_no_factor(db: None, demanded: Any) -> None:
    robot = make_service("robot")
    secret = make_api_token(robot, "users:read")
    assert GraphQLClient(secret)(ME).data == {"me": {"username": robot.username}}


def token_of(user: User) -> str:
    return issue_access_token(make_session(user))


@pytest.mark.parametrize(
    ("policy", "alice_is_due", "sam_is_due"),
    [("optional", False, False), ("staff", False, True), ("all", True, True)],
)
def test_policy_selects_users(
    client_of: ClientOf,
    alice: User,
    sam: User,
    settings: Any,
    policy: str,
    alice_is_due: bool,  # noqa: FBT001 - a parameter of the test
    sam_is_due: bool,  # noqa: FBT001
) -> None:
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_GRACE = policy, dt.timedelta(0)
    assert (client_of(alice)(ME).data == {"me": None}) is alice_is_due
    assert (client_of(sam)(ME).data == {"me": None}) is sam_is_due


def test_grace_begins_with_the_account_or_the_policy(
    client_of: ClientOf, alice: User, settings: Any
) -> None:
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_GRACE = "all", 7 * DAY
    joined = timezone.now() - 30 * DAY
    User.objects.update(date_joined=joined)
    client = client_of(alice)
    assert client(ME).data == {"me": None}
    settings.SECOND_FACTOR_SINCE = timezone.now() - 2 * DAY
    due = client(FACTORS).data["me"]["secondFactorDueAt"]
    assert dt.datetime.fromisoformat(due) == settings.SECOND_FACTOR_SINCE + 7 * DAY
    settings.SECOND_FACTOR_SINCE = timezone.now() - 8 * DAY
    assert client(ME).data == {"me": None}
    User.objects.update(date_joined=timezone.now())
    assert client(ME).data == ALICE


def test_removing_the_last_factor_requires_enrollment(
    client_of: ClientOf, alice: User, demanded: Any
) -> None:
    client = client_of(alice)
    set_up_totp(client)
    assert client(REMOVE_TOTP).problems == []
    assert client(ME).data == {"me": None}
    set_up_totp(client)
    assert client(ME).data == ALICE


# Bypasses --------------------------------------------------------------------------------


def test_password_reset_does_not_bypass_the_second_factor(client_of: ClientOf, alice: User) -> None:
    set_up_totp(client_of(alice))
    waiting = half_log_in()
    reset = prepare_password_reset(alice.pk)
    assert reset
    answer = GraphQLClient()(
        """mutation ($token: String!) { resetPassword(input: {
          token: $token, newPassword: "another phrase to remember"
        }) { username errors { code } } }""",
        token=reset.token,
    )
    assert answer.problems == []
    assert not Session.objects.exists()
    assert verify(waiting, totp=fresh_code(alice)).problems == [("TOKEN_INVALID", "mfaToken")]
    assert log_in(password="another phrase to remember")["accessToken"] is None
    assert PendingLogIn.objects.count() == 1


# Resetting -------------------------------------------------------------------------------


def test_administrator_removes_all_factors(
    client_of: ClientOf, alice: User, root: User, sam: User
) -> None:
    client, device = client_of(alice), Authenticator()
    set_up_totp(client)
    register(client, device)
    waiting = half_log_in()
    for other in (client, client_of(sam)):
        assert other(RESET, id=node_id(alice)).codes == ["FORBIDDEN"]
    done = client_of(root)(RESET, id=node_id(alice)).data["resetSecondFactors"]
    assert done["user"] == {"username": "alice", "secondFactors": []}
    for kind in (Totp, Passkey, RecoveryCode, PendingLogIn):
        assert not kind.objects.exists()
    assert client(ME).status == 401
    assert verify(waiting, totp="123456").problems == [("TOKEN_INVALID", "mfaToken")]
    assert log_in_by_passkey(device).problems == [("PASSKEY_INVALID", "credential")]
    assert log_in()["accessToken"]
    event = Event.objects.get(tag="factor:user:reset")
    assert (event.actor_id, event.subject_id) == (root.pk, alice.pk)
    assert event.data == {"methods": ["totp", "passkey"], "sessions": 1}


def test_reset_without_factors_changes_nothing(
    client_of: ClientOf, alice: User, root: User
) -> None:
    client = client_of(alice)
    assert client_of(root)(RESET, id=node_id(alice)).problems == []
    assert client_of(root)(RESET, id="x").problems == [("NOT_FOUND", "userId")]
    assert client(ME).data == ALICE
    assert tags() == []


# Mails -----------------------------------------------------------------------------------


def test_mails_describe_the_change(worker: Sink) -> None:
    alice = make_user("alice")
    root = make_user("root", is_staff=True, is_superuser=True, locale="de")
    client = GraphQLClient(token_of(alice))
    _secret, codes = set_up_totp(client)
    assert worker.next()["Subject"] == "An authenticator app was set up"
    assert verify(half_log_in(), recoveryCode=codes[0]).problems == []
    mail = worker.next()
    assert mail["Subject"] == "A recovery code was used"
    text = mail.get_body(("plain",))
    assert text
    assert "Recovery codes left: 9." in text.get_content()
    assert not [code for code in codes if code in text.get_content()]
    client(REGENERATE)
    assert worker.next()["Subject"] == "You have new recovery codes"
    register(client, Authenticator())
    assert worker.next()["Subject"] == "A passkey was added"
    client(REMOVE_TOTP)
    assert worker.next()["Subject"] == "Your authenticator app was removed"
    strong_client(root)(RESET, id=node_id(alice))
    mail = worker.next()
    assert (mail["Subject"], mail["To"]) == (
        "Your second factors were removed",
        "alice@example.org",
    )
    set_up_totp(strong_client(root))
    assert worker.next()["Subject"] == "Eine Authenticator-App wurde eingerichtet"


# Housekeeping ----------------------------------------------------------------------------


def test_expired_challenges_are_pruned(client_of: ClientOf, alice: User, bob: User) -> None:
    client = client_of(alice)
    register(client, Authenticator())
    half_log_in()
    client_of(bob)(BEGIN_TOTP)
    client("mutation { beginPasskeyRegistration { errors { code } } }")
    prune_challenges()
    counts = [kind.objects.count() for kind in (PendingLogIn, PasskeyChallenge, Totp)]
    assert counts == [1, 1, 1]
    past = timezone.now() - DAY
    PendingLogIn.objects.update(expires_at=past)
    PasskeyChallenge.objects.update(expires_at=past)
    Totp.objects.update(begun_at=past)
    prune_challenges()
    counts = [kind.objects.count() for kind in (PendingLogIn, PasskeyChallenge, Totp)]
    assert counts == [0, 0, 0]


def test_secrets_move_to_a_new_key(client_of: ClientOf, alice: User, settings: Any) -> None:
    set_up_totp(client_of(alice))
    sealed = Totp.objects.get().secret
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key of more than 32 characters"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert verify(half_log_in(), totp=fresh_code(alice)).problems == []
    output = io.StringIO()
    for _time in range(2):
        call_command("reseal_secrets", stdout=output)
    assert output.getvalue().split("\n")[:2] == ["Resealed secrets: 1.", "Resealed secrets: 0."]
    assert Totp.objects.get().secret != sealed
    settings.SECRET_KEY_FALLBACKS = []
    assert log_in_fully(alice)(ME).data == ALICE
    settings.SECRET_KEY = "a third key, which is longer than 32 characters"
    with pytest.raises(CommandError, match="SECRET_KEY_FALLBACKS"):
        call_command("reseal_secrets", stdout=output)
