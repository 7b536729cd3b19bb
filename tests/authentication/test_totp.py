"""Authenticator apps: enrollment, log-in and removal."""

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone

from core.security.crypto import UnsealError
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_user, node_id
from tests.support.second_factors import (
    BEGIN_TOTP,
    CONFIRM_TOTP,
    FACTORS,
    LOG_IN,
    REMOVE_TOTP,
    code_of,
    fresh_code,
    half_log_in,
    log_in_fully,
    secret_of,
    set_up_totp,
    strong_client,
    verify,
    wrong_code,
)
from tests.support.signing_in import ALICE, ME, THROTTLED, ClientOf, log_in, refresh, tags
from users.accounts.models import User
from users.activity.models import Event
from users.authentication import throttling
from users.authentication.factors.one_time_codes import unseal_secret
from users.authentication.models import PendingLogIn, RecoveryCode, Session, Totp

INVALID = [("CODE_INVALID", "totp")]


# Setting up ------------------------------------------------------------------------------


def test_app_is_set_up_by_its_first_code(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    shown = client(BEGIN_TOTP).data["beginTotpEnrollment"]
    secret = shown["secret"]

    assert shown["uri"] == (f"otpauth://totp/Roster:alice?secret={secret}&issuer=Roster")
    assert shown["qrCode"].startswith('<svg xmlns="http://www.w3.org/2000/svg" ')
    assert client(FACTORS).data["me"]["totp"] is None
    assert log_in()["accessToken"]

    done = client(CONFIRM_TOTP, code=code_of(secret)).data["confirmTotpEnrollment"]
    assert done["errors"] == []
    assert done["user"] == {"username": "alice", "secondFactors": ["TOTP"]}
    assert len(set(done["recoveryCodes"])) == 10
    found = client(FACTORS).data["me"]
    assert found["secondFactors"] == ["TOTP"]
    assert found["recoveryCodesLeft"] == 10
    assert found["totp"]["confirmedAt"]
    (event,) = Event.objects.filter(tag="factor:user:enroll")
    assert (event.subject_id, event.actor_id) == (alice.pk, alice.pk)
    # The session of `log_in` above, as token and as cookie.
    assert event.data == {"method": "totp", "sessions": 1}


def test_secret_is_encrypted_for_its_user(client_of: ClientOf, alice: User) -> None:
    secret, codes = set_up_totp(client_of(alice))
    row = Totp.objects.get()
    assert secret not in row.secret
    assert len(secret) * 5 == 160
    with pytest.raises(UnsealError):
        unseal_secret(row.secret, make_user("eve").pk)
    stored = b"".join(bytes(code.digest) for code in RecoveryCode.objects.all())
    assert len(stored) == 10 * 32
    everything = str(list(Event.objects.values_list("data", flat=True)))
    assert not [text for text in (secret, *codes) if text in everything]


def test_wrong_first_code_sets_nothing_up(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    secret = client(BEGIN_TOTP).data["beginTotpEnrollment"]["secret"]
    assert client(CONFIRM_TOTP, code=wrong_code(secret)).problems == [("CODE_INVALID", "code")]
    assert Totp.objects.get().confirmed_at is None
    assert tags() == ["factor:user:refuse"]
    assert log_in()["accessToken"]


def test_unconfirmed_secret_expires(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    secret = client(BEGIN_TOTP).data["beginTotpEnrollment"]["secret"]
    Totp.objects.update(begun_at=timezone.now() - dt.timedelta(minutes=31))
    assert client(CONFIRM_TOTP, code=code_of(secret)).problems == [("CODE_INVALID", "code")]


def test_beginning_again_replaces_the_secret(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    former = client(BEGIN_TOTP).data["beginTotpEnrollment"]["secret"]
    secret = client(BEGIN_TOTP).data["beginTotpEnrollment"]["secret"]
    assert client(CONFIRM_TOTP, code=code_of(former)).problems == [("CODE_INVALID", "code")]
    assert client(CONFIRM_TOTP, code=code_of(secret)).problems == []
    assert client(BEGIN_TOTP).problems == [("TOTP_ACTIVE", "")]
    assert secret_of(alice) == secret


def test_first_factor_ends_password_only_sessions(client_of: ClientOf, alice: User) -> None:
    other, client = log_in(), client_of(alice)
    set_up_totp(client)
    assert client(ME).data == ALICE
    assert GraphQLClient(other["accessToken"])(ME).status == 401
    assert refresh(other["refreshToken"]).problems == [("TOKEN_INVALID", "refreshToken")]


# Logging in ------------------------------------------------------------------------------


def test_password_alone_leads_to_the_second_step(client_of: ClientOf, alice: User) -> None:
    set_up_totp(client_of(alice))
    sessions = Session.objects.count()
    answer = GraphQLClient()(LOG_IN, login="alice", password=PASSWORD)
    (payload,) = answer.data.values()
    waiting = payload.pop("secondFactor")
    assert payload == {
        **dict.fromkeys(("accessToken", "refreshToken", "deviceToken", "user")),
        "errors": [],
    }
    assert waiting["methods"] == ["TOTP", "RECOVERY_CODE"]
    assert Session.objects.count() == sessions
    # It cannot be used as a token of any other kind.
    assert GraphQLClient(waiting["mfaToken"])(ME).status == 401
    assert refresh(waiting["mfaToken"]).problems == [("TOKEN_INVALID", "refreshToken")]
    assert waiting["mfaToken"].encode() not in bytes(PendingLogIn.objects.get().digest)


def test_cookie_is_set_by_the_second_step_only(client_of: ClientOf, alice: User) -> None:
    secret, _codes = set_up_totp(client_of(alice))
    client = GraphQLClient()
    answer = client(LOG_IN, login="alice", password=PASSWORD, transport="COOKIE")
    assert not client.http.cookies
    assert client(ME).data == {"me": None}
    token = answer.data["logIn"]["secondFactor"]["mfaToken"]
    assert verify(token, client, totp=code_of(secret, later=1)).problems == []
    assert client(ME).data == ALICE
    session = Session.objects.exclude(cookie_digest=None).get()
    assert (session.aal, session.methods) == (2, ["pwd", "otp", "mfa"])
    assert session.factor_at


def test_session_has_its_authentication_methods(client_of: ClientOf, alice: User) -> None:
    query = "{ sessions(first: 1) { nodes { methods aal authenticatedAt factorAt } } }"
    client = client_of(alice)
    (session,) = client(query).data["sessions"]["nodes"]
    assert (session["methods"], session["aal"], session["factorAt"]) == (["pwd"], 1, None)
    set_up_totp(client)
    (session,) = client(query).data["sessions"]["nodes"]
    assert (session["methods"], session["aal"]) == (["pwd", "otp", "mfa"], 2)
    assert session["factorAt"] == session["authenticatedAt"]


@pytest.mark.parametrize("written", ["{0} {1}", "{0}-{1}", "  {0}{1}\t", "wide", "arabic"])
def test_code_is_single_use_in_any_notation(client_of: ClientOf, alice: User, written: str) -> None:
    secret, _codes = set_up_totp(client_of(alice))
    code = code_of(secret, later=1)
    zero = {"wide": 0xFF10, "arabic": 0x0660}.get(written)
    other = (
        code.translate({ord("0") + n: zero + n for n in range(10)})
        if zero
        else written.format(code[:3], code[3:])
    )
    assert verify(half_log_in(), totp=other).problems == []
    for again in (code, other):
        assert verify(half_log_in(), totp=again).problems == INVALID
    # The enrollment's code is older, so it is refused, too.
    assert verify(half_log_in(), totp=code_of(secret)).problems == INVALID


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "½½½½½½", "12345\0", "9" * 999])
def test_malformed_codes_are_refused(client_of: ClientOf, alice: User, code: str) -> None:
    set_up_totp(client_of(alice))
    assert verify(half_log_in(), totp=code).problems == INVALID


@pytest.mark.parametrize("step", [-2, 2])
def test_old_and_future_codes_are_refused(client_of: ClientOf, alice: User, step: int) -> None:
    secret, _codes = set_up_totp(client_of(alice))
    Totp.objects.update(last_step=0)
    assert verify(half_log_in(), totp=code_of(secret, later=step)).problems == INVALID


def test_code_of_another_user_is_refused(client_of: ClientOf, alice: User, bob: User) -> None:
    set_up_totp(client_of(alice))
    _secret, codes = set_up_totp(client_of(bob))
    assert verify(half_log_in(), totp=fresh_code(bob)).problems == INVALID
    refused = verify(half_log_in(), recoveryCode=codes[0])
    assert refused.problems == [("CODE_INVALID", "recoveryCode")]
    assert RecoveryCode.objects.filter(used_at=None).count() == 20


def test_refused_code_is_recorded_and_keeps_the_pending_log_in(
    client_of: ClientOf, alice: User
) -> None:
    secret, _codes = set_up_totp(client_of(alice))
    token = half_log_in()
    assert verify(token, totp=wrong_code(secret)).problems == INVALID
    (event,) = Event.objects.filter(tag="factor:user:refuse")
    assert (event.subject_id, event.data) == (alice.pk, {"method": "totp"})
    assert verify(token, totp=code_of(secret, later=1)).problems == []
    assert tags()[-2:] == ["factor:user:use", "session:user:log_in"]


def test_pending_log_in_is_single_use(client_of: ClientOf, alice: User) -> None:
    set_up_totp(client_of(alice))
    token = half_log_in()
    assert verify(token, totp=fresh_code(alice)).problems == []
    assert verify(token, totp=fresh_code(alice)).problems == [("TOKEN_INVALID", "mfaToken")]
    assert verify("nonsense", totp=fresh_code(alice)).problems == [("TOKEN_INVALID", "mfaToken")]


def test_pending_log_in_expires(client_of: ClientOf, alice: User) -> None:
    set_up_totp(client_of(alice))
    token = half_log_in()
    PendingLogIn.objects.update(expires_at=timezone.now())
    assert verify(token, totp=fresh_code(alice)).problems == [("TOKEN_EXPIRED", "mfaToken")]


@pytest.mark.parametrize("end", ["password", "suspended", "everywhere"])
def test_pending_log_in_ends_with_the_sessions(
    client_of: ClientOf, alice: User, root: User, end: str
) -> None:
    set_up_totp(client_of(alice))
    token = half_log_in()
    if end == "password":
        document = f"""mutation {{ changePassword(input: {{
          currentPassword: "{PASSWORD}", newPassword: "another phrase to remember"
        }}) {{ errors {{ code }} }} }}"""
        assert strong_client(alice)(document).problems == []
    elif end == "suspended":
        User.objects.filter(pk=alice.pk).update(is_active=False)
    else:
        assert strong_client(alice)("mutation { logOutEverywhere { count } }").codes == []
    assert verify(token, totp=fresh_code(alice)).problems == [("TOKEN_INVALID", "mfaToken")]


@pytest.mark.django_db(transaction=True)
def test_concurrent_uses_of_a_code_sign_in_once(client_of: ClientOf) -> None:
    alice = make_user("alice")
    set_up_totp(client_of(alice))
    tokens, code = [half_log_in() for _number in range(4)], fresh_code(alice)
    answers = run_concurrently(*(lambda token=token: verify(token, totp=code) for token in tokens))
    assert sorted(len(answer.problems) for answer in answers) == [0, 1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_concurrent_second_steps_create_one_session(client_of: ClientOf) -> None:
    alice = make_user("alice")
    _secret, codes = set_up_totp(client_of(alice))
    token = half_log_in()
    answers = run_concurrently(
        *(lambda code=code: verify(token, recoveryCode=code) for code in codes[:4])
    )
    assert sorted(len(answer.problems) for answer in answers) == [0, 1, 1, 1]
    # Only the code of the successful log-in is consumed.
    assert RecoveryCode.objects.filter(used_at=None).count() == 9


def test_guessing_is_throttled_over_all_log_ins(client_of: ClientOf, alice: User) -> None:
    secret, codes = set_up_totp(client_of(alice))
    for _attempt in range(5):
        assert verify(half_log_in(), totp=wrong_code(secret)).problems == INVALID
    token = half_log_in()
    for answer in (
        verify(token, totp=fresh_code(alice)),
        verify(token, recoveryCode=codes[0]),
    ):
        assert answer.codes == THROTTLED
        assert answer.body["errors"][0]["extensions"]["retryAfter"] > 60
    assert RecoveryCode.objects.filter(used_at=None).count() == 10


def test_correct_code_does_not_reset_the_daily_limit(
    client_of: ClientOf, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, codes = set_up_totp(client_of(alice))
    a_day = replace(throttling.CODES_PER_USER_DAILY, count=6)
    monkeypatch.setattr(throttling, "CODES_PER_USER_DAILY", a_day)
    for code in codes[:2]:
        for _attempt in range(3):
            assert verify(half_log_in(), totp=wrong_code(secret)).problems == INVALID
        answer = verify(half_log_in(), recoveryCode=code)
    assert answer.codes == THROTTLED


def test_correct_password_neither_counts_nor_resets_the_attempts(
    client_of: ClientOf, alice: User
) -> None:
    """Wrong passwords count until a log-in is completed."""
    set_up_totp(client_of(alice))
    tokens = [half_log_in() for _attempt in range(12)]
    for _attempt in range(9):
        assert GraphQLClient()(LOG_IN, login="alice", password="wrong").codes == []
    assert half_log_in()
    GraphQLClient()(LOG_IN, login="alice", password="wrong")
    assert GraphQLClient()(LOG_IN, login="alice", password=PASSWORD).codes == THROTTLED
    assert verify(tokens[0], totp=fresh_code(alice)).problems == []
    assert half_log_in()


def test_password_only_session_is_invalid_with_a_factor(client_of: ClientOf, alice: User) -> None:
    """The session's assurance level is checked on every use."""
    set_up_totp(client_of(alice))
    payload = log_in_fully(alice)
    assert payload(ME).data == ALICE
    weak = client_of(alice)
    assert (weak(ME).status, weak(ME).codes) == (401, ["UNAUTHENTICATED"])
    query = "{ sessions(first: 9) { nodes { aal } } me { activeSessionCount } }"
    found = payload(query).data
    assert {session["aal"] for session in found["sessions"]["nodes"]} == {2}
    assert found["me"]["activeSessionCount"] == len(found["sessions"]["nodes"])


def test_refreshing_does_not_renew_authentication(client_of: ClientOf, alice: User) -> None:
    set_up_totp(client_of(alice))
    answer = verify(half_log_in(), totp=fresh_code(alice))
    (payload,) = answer.data.values()
    proved = Session.objects.order_by("-pk")[0].factor_at
    assert refresh(payload["refreshToken"]).problems == []
    assert Session.objects.order_by("-pk")[0].factor_at == proved
    other = log_in_weakly(alice)
    assert refresh(other).problems == [("TOKEN_INVALID", "refreshToken")]


def log_in_weakly(user: User) -> str:
    """Return the refresh token of a session that began without the second factor."""
    User.objects.filter(pk=user.pk).update(second_factors=[])
    token: str = log_in(user.username)["refreshToken"]
    User.objects.filter(pk=user.pk).update(second_factors=["totp"])
    return token


# Removing --------------------------------------------------------------------------------


def test_removed_authenticator_stops_working(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    set_up_totp(client)
    answer = client(REMOVE_TOTP)
    assert answer.data["removeTotp"]["user"] == {"secondFactors": [], "recoveryCodesLeft": 0}
    assert client(REMOVE_TOTP).problems == [("NOT_FOUND", "")]
    assert log_in()["accessToken"]
    assert tags()[-2:] == ["factor:user:remove", "session:user:log_in"]


def test_staff_see_factors_and_others_do_not(
    client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    set_up_totp(client_of(bob))
    query = """query ($id: ID!) { user(id: $id) {
      secondFactors recoveryCodesLeft totp { confirmedAt } passkeys(first: 1) { nodes { id } }
    } }"""
    seen = client_of(sam)(query, id=node_id(bob)).data["user"]
    assert (seen["secondFactors"], seen["recoveryCodesLeft"]) == (["TOTP"], 10)
    hidden = client_of(alice)(query, id=node_id(bob)).data["user"]
    assert hidden == {
        "secondFactors": None,
        "recoveryCodesLeft": None,
        "totp": None,
        "passkeys": {"nodes": []},
    }
