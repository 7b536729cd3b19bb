"""Keys: the published key set, and SECRET_KEY rotation without interruption."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jwt
import pytest
from django.test import Client

from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD
from tests.support.signing_in import ALICE, LOG_IN, ME, THROTTLED, log_in, log_in_by_cookie, refresh
from users.accounts.models import User

Capture = Callable[[], AbstractContextManager[Statements]]
Pod = Callable[[], None]

JWKS = "/.well-known/jwks.json"
OLD = "the-old-secret-key-the-old-secret-key-the-old"
NEW = "the-new-secret-key-the-new-secret-key-the-new"


@pytest.fixture
def pod(settings: Any) -> Callable[..., Pod]:
    """Return a factory of pods with the given keys, of which the first signs."""

    def make(*secret_keys: str) -> Pod:
        def become() -> None:
            settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS = secret_keys

        return become

    return make


# The key set -----------------------------------------------------------------------------


def test_published_keys_verify_an_access_token(
    alice: User, settings: Any, client: Client, pod: Callable[..., Pod]
) -> None:
    pod(OLD)()
    by_old = log_in()["accessToken"]
    pod(NEW, OLD)()
    by_new = log_in()["accessToken"]
    keys = jwt.PyJWKSet.from_json(client.get(JWKS).content.decode())
    for token in (by_old, by_new):
        key = keys[jwt.get_unverified_header(token)["kid"]]
        said = jwt.decode(token, key, audience=settings.PUBLIC_URL, issuer=settings.PUBLIC_URL)
        assert said["sub"] == str(alice.pk)
    assert by_old.split(".")[0] != by_new.split(".")[0]


def test_key_set_has_public_keys_only(client: Client, pod: Callable[..., Pod]) -> None:
    pod(NEW, OLD, OLD)()
    response = client.get(JWKS)
    keys = response.json()["keys"]
    assert [sorted(key) for key in keys] == [["alg", "crv", "kid", "kty", "use", "x"]] * 2
    for key in keys:
        named = [key[name] for name in ("alg", "crv", "kty", "use")]
        assert named == ["EdDSA", "Ed25519", "OKP", "sig"]
    pod(OLD)()
    assert client.get(JWKS).json()["keys"] == keys[1:]


def test_key_set_is_public_and_cacheable(alice: User, statements: Capture) -> None:
    browser = log_in_by_cookie().http
    with statements() as captured:
        responses = [
            Client().get(JWKS),
            Client().head(JWKS),
            browser.get(JWKS),
            Client(headers={"Authorization": "Bearer nonsense"}).get(JWKS),
        ]
    assert captured == []
    for response in responses:
        assert response.status_code == 200
        assert response["Cache-Control"] == "public, max-age=300"
        assert response["Content-Type"] == "application/jwk-set+json"
        assert not response.cookies
        assert "Cookie" not in response.get("Vary", "")
    assert responses[1].content == b""
    assert responses[0].content == responses[2].content == responses[3].content


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_key_set_can_only_be_read(db: None, method: str) -> None:
    response = Client().generic(method, JWKS)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


# Changing SECRET_KEY ---------------------------------------------------------------------


def test_key_rotation_keeps_sessions(alice: User, settings: Any, pod: Callable[..., Pod]) -> None:
    settings.LOG_INS_PER_ACCOUNT = 3
    steps = [
        # Both pods of a pair serve during a rolling update.
        (pod(OLD), pod(OLD, NEW)),
        (pod(OLD, NEW), pod(NEW, OLD)),
        (pod(NEW, OLD), pod(NEW, OLD)),
    ]
    pod(OLD)()
    refresh_token, browser = log_in()["refreshToken"], log_in_by_cookie()
    device, page = log_in()["deviceToken"], "{ users(first: 1) { pageInfo { endCursor } } }"
    cursor = browser(page).data["users"]["pageInfo"]["endCursor"]
    for pods in steps:
        for become in (*pods, *pods):
            become()
            payload = refresh(refresh_token).data["refreshTokens"]
            assert payload["errors"] == []
            refresh_token = payload["refreshToken"]
            for become_too in pods:
                become_too()
                assert GraphQLClient(payload["accessToken"])(ME).data == ALICE
                assert browser(ME).data == ALICE

    # Secrets sealed under the old key are still readable.
    query = f'{{ users(first: 1, after: "{cursor}") {{ edges {{ cursor }} }} }}'
    assert browser(query).data == {"users": {"edges": []}}
    stranger = GraphQLClient()
    for _ in range(3):
        stranger(LOG_IN, login="alice", password="wrong")
    known = {"login": "alice", "password": PASSWORD}
    assert stranger(LOG_IN, **known).codes == THROTTLED
    assert stranger(LOG_IN, **known, device=device).problems == []


def test_key_unknown_to_other_pods_must_not_sign(alice: User, pod: Callable[..., Pod]) -> None:
    pod(NEW, OLD)()
    token = log_in()["accessToken"]
    pod(OLD)()
    assert GraphQLClient(token)(ME).status == 401


def test_removed_fallback_invalidates_its_tokens(alice: User, pod: Callable[..., Pod]) -> None:
    pod(OLD)()
    signed_in = log_in()
    pod(NEW)()
    assert GraphQLClient(signed_in["accessToken"])(ME).status == 401
    # The session continues: its secrets do not depend on SECRET_KEY.
    payload = refresh(signed_in["refreshToken"]).data["refreshTokens"]
    assert GraphQLClient(payload["accessToken"])(ME).data == ALICE
