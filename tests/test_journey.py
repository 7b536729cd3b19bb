"""The one journey through everything: from signing up to the directory, with nothing mocked."""

import re

from pytest_django.live_server_helper import LiveServer

from tests.support.client import HTTPClient
from tests.support.factories import make_user
from tests.support.sink import Sink

SIGN_UP = """
    mutation ($input: SignUpInput!) { signUp(input: $input) { errors { code field message } } }
"""
VERIFY = """
    mutation ($token: String!, $password: String) {
      verifyEmail(input: {token: $token, password: $password}) {
        username errors { code field }
      }
    }
"""
LOG_IN = """
    mutation ($input: LogInInput!) {
      logIn(input: $input) { accessToken refreshToken user { username } errors { code field } }
    }
"""
ME = """
    { me { id username email name profile { bio locale timeZone } groups { name } } }
"""
PASSWORD = "a phrase no one would guess"


def token_in(body: str) -> str:
    match = re.search(r"#token=(\S+)", body)
    assert match
    return match[1]


def test_from_sign_up_to_directory(live_server: LiveServer, worker: Sink) -> None:
    make_user("bob", is_public=True)
    client = HTTPClient(live_server.url)

    sign_up = {"email": "Dora@Example.org", "username": "Dora", "password": PASSWORD}
    answer = client(SIGN_UP, input=sign_up | {"locale": "de"})
    assert answer.data == {"signUp": {"errors": []}}

    mail = worker.next()
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert mail["To"] == "dora@example.org"
    assert mail["Subject"] == "Bestätigen Sie Ihre E-Mail-Adresse"
    token = token_in(text.get_content())
    assert token in html.get_content()

    login = {"login": "dora", "password": PASSWORD}
    refused = client(LOG_IN, input=login).data["logIn"]
    assert [error["code"] for error in refused["errors"]] == ["CREDENTIALS_INVALID"]

    unproved = client(VERIFY, token=token).data["verifyEmail"]
    assert [error["code"] for error in unproved["errors"]] == ["PASSWORD_REQUIRED"]
    proof = {"token": token, "password": PASSWORD}
    assert client(VERIFY, **proof).data["verifyEmail"] == {"username": "dora", "errors": []}
    again = client(VERIFY, **proof).data["verifyEmail"]
    assert [error["code"] for error in again["errors"]] == ["TOKEN_INVALID"]

    for name in ("DORA", "dora@EXAMPLE.org"):
        signed_in = client(LOG_IN, input={"login": name, "password": PASSWORD}).data["logIn"]
        assert signed_in["user"] == {"username": "dora"}
        assert signed_in["errors"] == []
    client.headers["Authorization"] = f"Bearer {signed_in['accessToken']}"

    me = client(ME).data["me"]
    assert me["email"] == "dora@example.org"
    assert me["profile"] == {"bio": "", "locale": "de", "timeZone": "UTC"}
    assert me["groups"] == []

    changed = client(
        """mutation { updateProfile(input: {name: "Dora Dietz", bio: "Hi."}) {
             user { name profile { bio locale } } errors { code } } }"""
    ).data["updateProfile"]
    assert changed == {
        "user": {"name": "Dora Dietz", "profile": {"bio": "Hi.", "locale": "de"}},
        "errors": [],
    }

    directory = client(
        "{ users(first: 10) { edges { node { id username email } } pageInfo { hasNextPage } } }"
    ).data["users"]
    people = [edge["node"] for edge in directory["edges"]]
    assert [(person["username"], person["email"]) for person in people] == [
        ("bob", None),
        ("dora", "dora@example.org"),
    ]
    found = client(
        "query ($id: ID!) { user(id: $id) { username } node(id: $id) { id } }", id=me["id"]
    ).data
    assert found == {"user": {"username": "dora"}, "node": {"id": me["id"]}}

    assert client("mutation { logOut { errors { code } } }").data == {"logOut": {"errors": []}}
    assert client(ME).status == 401
    del client.headers["Authorization"]
    assert client(ME).data == {"me": None}


def test_known_address_gets_the_same_answer_and_its_owner_a_mail(
    live_server: LiveServer, worker: Sink
) -> None:
    make_user("erin", email="erin@example.org", locale="de", name="Erin Ebert")
    client = HTTPClient(live_server.url)
    known, unknown = (
        client(
            SIGN_UP,
            input={"email": email, "username": username, "password": PASSWORD, "locale": "en"},
        )
        for email, username in (("erin@example.org", "frida"), ("new@example.org", "gustav"))
    )
    assert known.body == unknown.body
    assert known.status == unknown.status
    assert known.headers.keys() == unknown.headers.keys()

    mails = {mail["To"]: mail for mail in (worker.next(), worker.next())}
    assert mails["erin@example.org"]["Subject"] == "Sie haben bereits ein Konto"
    assert "#token=" not in mails["erin@example.org"].as_string()
    assert mails["new@example.org"]["Subject"] == "Confirm your e-mail address"
