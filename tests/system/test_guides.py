"""The code of docs/guides against a real service, by the real tools."""

import datetime as dt
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from tests.support.access_tokens import base64url, key_of, kid_of, signed
from tests.support.factories import PASSWORD, make_session
from tests.support.guides import GUIDES, write_guide
from tests.system.cluster import Replica
from tests.system.programs import compatibility_package, npm
from tests.system.services import make_public_users, package_with_guides, service_at, url_of
from users.accounts.models import User

pytestmark = pytest.mark.usefixtures("transactional_db")

# What the settings of a Django project have anyway.
SETTINGS: Final = """
import os

from settings import *

ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "urls"
ROSTER_URL = os.environ["ROSTER_URL"]
SECRET_KEY = "consumer"
"""
URLS: Final = """
from django.urls import path
from views import orders

urlpatterns = [path("orders", orders)]
"""
# Reads tokens, and writes the responses that they get.
CONSUMER: Final = """
import json
import sys

import django
from django.test import Client

django.setup()
answers = {}
for name, header in json.load(sys.stdin).items():
    response = Client().get("/orders", headers=header and {"Authorization": header})
    answers[name] = [response.status_code, response.json(), response.get("WWW-Authenticate")]
json.dump(answers, sys.stdout)
"""


@pytest.fixture
def service(tmp_path: Path, settings: Any) -> Iterator[Replica]:
    with service_at(tmp_path, settings) as replica:
        yield replica


def issuer_of(service: Replica) -> str:
    return service.environ["PUBLIC_URL"]


def access_tokens(user: User, settings: Any) -> dict[str, str]:
    """Return a valid token, and tokens that lack one thing each."""
    key = key_of(settings.SECRET_KEY)
    now = timezone.now()
    claims = {
        "iss": settings.PUBLIC_URL,
        "aud": settings.PUBLIC_URL,
        "sub": str(user.pk),
        "sid": str(make_session(user).pk),
        "iat": now,
        "exp": now + dt.timedelta(minutes=5),
    }
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stranger = key_of("another-secret-key-another-secret-key")
    header = {"typ": "at+jwt", "kid": kid_of(key)}

    def without(name: str) -> dict[str, Any]:
        return {other: value for other, value in claims.items() if other != name}

    return {
        "valid": signed(claims, key),
        "expired": signed(claims | {"exp": now - dt.timedelta(minutes=2)}, key),
        "of another issuer": signed(claims | {"iss": "https://example.net"}, key),
        "for another audience": signed(claims | {"aud": "https://example.net"}, key),
        "of another type": signed(claims, key, typ="JWT"),
        "without a type": signed(claims, key, typ=None),
        "by an unknown key": signed(claims, stranger),
        "by another key under the known name": signed(claims, stranger, kid=kid_of(key)),
        "without a signature": jwt.encode(claims, "", algorithm="none", headers=header),
        "by the public key as a secret": signed_by_secret(signed(claims, key), pem),
        **{f"without {name}": signed(without(name), key) for name in ("sub", "sid", "exp")},
        "not a JWT": "roster_pat_x",
    }


def signed_by_secret(token: str, secret: bytes) -> str:
    """Sign the claims of a token by HMAC."""
    header = json.dumps(jwt.get_unverified_header(token) | {"alg": "HS256"}).encode()
    signing_input = f"{base64url(header)}.{token.split('.')[1]}"
    digest = hmac.digest(secret, signing_input.encode(), "sha256")
    return f"{signing_input}.{base64url(digest)}"


def test_caches_and_tokens_in_node(service: Replica, alice: User, settings: Any) -> None:
    others = make_public_users(24)
    package = package_with_guides(issuer_of(service))
    described = {
        "url": url_of(service),
        "issuer": issuer_of(service),
        "password": PASSWORD,
        "usernames": [alice.username, *others],
        "sub": str(alice.pk),
        "tokens": access_tokens(alice, settings),
    }
    npm(package, "run", "test-guides", ROSTER_SERVICE=json.dumps(described))


def test_graphql_over_http(service: Replica) -> None:
    described = {"url": url_of(service)}
    npm(compatibility_package(), "run", "test-http", ROSTER_SERVICE=json.dumps(described))


def test_django_verifies_tokens(
    service: Replica, alice: User, settings: Any, tmp_path: Path
) -> None:
    write_guide("django-consumer", tmp_path)
    (tmp_path / "consumer_settings.py").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "urls.py").write_text(URLS, encoding="utf-8")
    tokens = access_tokens(alice, settings)
    headers = {name: f"Bearer {token}" for name, token in tokens.items()}

    def answers(issuer: str, **sent: str) -> dict[str, Any]:
        result = subprocess.run(
            [sys.executable, "-c", CONSUMER],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(tmp_path),
                "DJANGO_SETTINGS_MODULE": "consumer_settings",
                "ROSTER_URL": issuer,
            },
            input=json.dumps(sent),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        parsed: dict[str, Any] = json.loads(result.stdout)
        return parsed

    found = answers(issuer_of(service), **headers, anonymous="")
    refusal = [401, {"error": "Sign in."}, 'Bearer error="invalid_token"']
    assert found.pop("valid") == [200, {"user": str(alice.pk)}, None]
    assert found.pop("anonymous") == [401, {"error": "Sign in."}, None]
    assert found == dict.fromkeys(found, refusal)
    assert len(found) == len(tokens) - 1

    service.stop()
    down = answers(issuer_of(service), valid=headers["valid"])
    assert down["valid"][0] == 503
    service.start()


def test_each_guide_is_run() -> None:
    in_browsers = {"apollo", "nextjs", "react-vite", "relay"}
    in_node = {"apollo", "gql-tada", "node", "urql"}
    assert {page.stem for page in GUIDES.glob("*.md")} == {
        *in_browsers,
        *in_node,
        "django-consumer",
    }
