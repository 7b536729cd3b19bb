"""Passkeys as second factors: the second step, renaming and removal."""

from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, node_id
from tests.support.passkeys import (
    BEGIN,
    LOG_IN,
    REMOVE,
    RENAME,
    Authenticator,
    log_in,
    options_for,
    register,
    with_passkey,
)
from tests.support.second_factors import FACTORS, half_log_in, set_up_totp, verify
from tests.support.second_factors import LOG_IN as PASSWORD_LOG_IN
from tests.support.signing_in import ClientOf, tags
from users.accounts.models import User
from users.authentication.models import Passkey, PendingLogIn, Session

REFUSED = [("PASSKEY_INVALID", "credential")]
REFUSED_FACTOR = [("PASSKEY_INVALID", "passkey")]


# As a second factor ----------------------------------------------------------------------


def test_passkey_completes_a_log_in(client_of: ClientOf, alice: User) -> None:
    device = with_passkey(client_of(alice))
    answer = GraphQLClient()(PASSWORD_LOG_IN, login="alice", password=PASSWORD)
    waiting = answer.data["logIn"]["secondFactor"]
    assert waiting["methods"] == ["PASSKEY", "RECOVERY_CODE"]
    options = options_for("SECOND_FACTOR", token=waiting["mfaToken"])
    assert len(options["allowCredentials"]) == 1
    answer = verify(waiting["mfaToken"], passkey=device.get(options, user_handle=None))
    assert answer.problems == []
    assert Session.objects.order_by("-pk")[0].methods == ["pwd", "hwk", "user", "mfa"]


def test_response_is_bound_to_its_log_in_and_purpose(client_of: ClientOf, alice: User) -> None:
    device = with_passkey(client_of(alice))
    token, other = half_log_in(), half_log_in()
    credential = device.get(options_for("SECOND_FACTOR", token=token))
    assert verify(other, passkey=credential).problems == REFUSED_FACTOR
    assert GraphQLClient()(LOG_IN, credential=credential).problems == REFUSED
    assert verify(token, passkey=credential).problems == []
    to_log_in = device.get(options_for("LOG_IN"))
    assert verify(other, passkey=to_log_in).problems == REFUSED_FACTOR


def test_passkey_of_another_user_is_refused(client_of: ClientOf, alice: User, bob: User) -> None:
    with_passkey(client_of(alice))
    device, token = with_passkey(client_of(bob)), half_log_in()
    options = options_for("SECOND_FACTOR", token=token) | {"allowCredentials": []}
    assert verify(token, passkey=device.get(options)).problems == REFUSED_FACTOR
    assert PendingLogIn.objects.exists()


def test_unknown_pending_log_in_is_refused(db: None) -> None:
    answer = GraphQLClient()(BEGIN, use="SECOND_FACTOR", token="x")
    assert answer.problems == [("TOKEN_INVALID", "mfaToken")]
    answer = GraphQLClient()(BEGIN, use="SECOND_FACTOR")
    assert answer.problems == [("TOKEN_INVALID", "mfaToken")]
    assert GraphQLClient()(BEGIN, use="REAUTHENTICATION").codes == ["UNAUTHENTICATED"]


# Renaming and removing -------------------------------------------------------------------


def test_passkey_is_renamed(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    id_ = register(client, Authenticator())
    for _time in range(2):
        answer = client(RENAME, id=id_, name="Laptop")
        assert answer.data["renamePasskey"]["passkey"] == {"name": "Laptop"}
    assert tags() == ["factor:user:enroll", "factor:user:rename"]
    assert client(RENAME, id=id_, name="").problems == [("VALUE_INVALID", "name")]


def test_removed_passkey_cannot_sign_in(client_of: ClientOf, alice: User) -> None:
    client, device = client_of(alice), Authenticator()
    id_ = register(client, device)
    set_up_totp(client)
    answer = client(REMOVE, id=id_)
    assert answer.data["removePasskey"]["user"] == {"secondFactors": ["TOTP"]}
    assert log_in(device).problems == REFUSED
    assert client(FACTORS).data["me"]["recoveryCodesLeft"] == 10


def test_passkeys_of_others_are_not_found(
    client_of: ClientOf, alice: User, bob: User, sam: User
) -> None:
    id_ = register(client_of(alice), Authenticator())
    for client in (client_of(bob), client_of(sam)):
        for document, more in ((RENAME, {"name": "x"}), (REMOVE, {})):
            assert client(document, id=id_, **more).problems == [("NOT_FOUND", "passkeyId")]
            answer = client(document, id=node_id(alice), **more)
            assert answer.problems == [("NOT_FOUND", "passkeyId")]
    assert Passkey.objects.get().name == "Phone"
    query = "query ($id: ID!) { node(id: $id) { ... on Passkey { name } } }"
    assert client_of(bob)(query, id=id_).data == {"node": None}
    assert client_of(sam)(query, id=id_).data == {"node": {"name": "Phone"}}
