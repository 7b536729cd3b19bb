"""Queries, uploads and errors, with both clients against a service."""

from __future__ import annotations

import base64
import pickle
from io import BytesIO

import httpx
import pytest
from pydantic import BaseModel

from roster_client import (
    AsyncClient,
    Client,
    InputError,
    MemoryStorage,
    NetworkError,
    RateLimitedError,
    ReauthenticationRequiredError,
    RosterError,
    UnauthenticatedError,
)
from roster_client.models import UpdateProfileInput
from tests.service import Clients


class Viewer(BaseModel):
    username: str


class ViewerData(BaseModel):
    me: Viewer


@pytest.mark.parametrize("as_stream", [False, True])
def test_avatar_is_uploaded_in_a_multipart_request(clients: Clients, *, as_stream: bool) -> None:
    client = clients.signed_in("alice")
    image = base64.b64decode(clients.service.image)

    user = client.set_avatar(BytesIO(image) if as_stream else image).user

    assert user
    assert user.avatar
    assert (user.avatar.width, user.avatar.height) == (512, 512)
    request = clients.exchanges.responses[-1].request
    assert request.headers["GraphQL-Require-Preflight"] == "1"


def test_upload_is_sent_again_after_a_refresh(clients: Clients) -> None:
    client = clients.client(storage=clients.storage("erin"))

    assert client.set_avatar(BytesIO(base64.b64decode(clients.service.image))).user
    assert clients.exchanges.operations == ["SetAvatar", "RefreshTokens", "SetAvatar"]


def test_max_age_accepts_an_older_answer(clients: Clients) -> None:
    root = clients.client()
    root.log_in("root", clients.service.password)

    def names(max_age: int | None = None) -> list[str]:
        return [edge.node.name for edge in root.directory(first=50, max_age=max_age).edges]

    names(60)
    names(60)
    name = f"{clients.kind} amended"
    clients.signed_in("alice").update_profile(UpdateProfileInput(name=name))

    assert name not in names(60)
    response = clients.exchanges.responses[-1]
    assert response.request.headers["Cache-Control"] == "max-age=60"
    assert "Age" in response.headers
    assert name in names()


def test_api_token_authenticates_without_a_session(clients: Clients) -> None:
    client = clients.client(api_token=clients.service.api_token)

    me = client.me()

    assert me
    assert me.username == "root"
    assert clients.exchanges.operations == ["Me"]


def test_invalid_api_token_is_unauthenticated(clients: Clients) -> None:
    client = clients.client(api_token="roster_unknown")

    with pytest.raises(UnauthenticatedError):
        client.me()

    assert clients.exchanges.operations == ["Me"]


def test_client_has_either_an_api_token_or_a_storage(clients: Clients) -> None:
    with pytest.raises(TypeError):
        clients.client(api_token="roster_unknown", storage=clients.storage("bob"))


def test_documents_of_the_caller_return_the_callers_models(clients: Clients) -> None:
    client = clients.signed_in("alice")

    data = client.request("query Viewer { me { username } }", ViewerData)

    assert data.me.username == clients.named("alice")


def test_too_many_attempts_are_rate_limited_with_the_seconds_to_wait(clients: Clients) -> None:
    client = clients.client()
    errors: list[RosterError] = []
    for _count in range(11):
        with pytest.raises(RosterError) as caught:
            client.log_in(clients.named("unknown"), "not the password")
        errors.append(caught.value)

    last = errors[-1]
    assert isinstance(last, RateLimitedError)
    assert last.code == "TOO_MANY_ATTEMPTS"
    assert last.retry_after > 0


def test_other_errors_have_their_code_and_the_id_of_the_request(clients: Clients) -> None:
    with pytest.raises(RosterError) as caught:
        clients.client().request("query { unknown }", ViewerData)

    error = caught.value
    assert error.code == "GRAPHQL_VALIDATION_FAILED"
    assert error.request_id
    assert str(error) == f"{error.code}: {error.message} (request {error.request_id})"


def test_anonymous_requests_of_a_users_data_are_unauthenticated(clients: Clients) -> None:
    with pytest.raises(UnauthenticatedError):
        clients.client().sessions(first=1)


def test_step_up_without_a_callback_fails(clients: Clients) -> None:
    client = clients.client(storage=clients.storage("frank"))

    with pytest.raises(ReauthenticationRequiredError) as caught:
        client.begin_totp_enrollment()

    assert caught.value.methods == ("PASSWORD",)
    assert caught.value.max_age > 0


def test_cookies_are_not_sent(clients: Clients) -> None:
    clients.http.cookies.set("roster_session", "of another program")

    clients.signed_in("alice").me()

    requests = [response.request for response in clients.exchanges.responses]
    assert [request for request in requests if "Cookie" in request.headers] == []


def test_service_that_cannot_be_reached_is_a_network_error(clients: Clients) -> None:
    with pytest.raises(NetworkError) as caught:
        clients.client(url="http://127.0.0.1:9/graphql").me()

    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_rejected_input_can_be_pickled(clients: Clients) -> None:
    with pytest.raises(InputError) as caught:
        clients.client().log_in("unknown", "not the password")

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own

    assert copy.fields == caught.value.fields
    assert copy.request_id == caught.value.request_id


def test_closed_clients_refuse_requests(clients: Clients) -> None:
    with Client(clients.service.url, storage=MemoryStorage()) as client:
        client.settings()

    with pytest.raises(RuntimeError):
        client.settings()
    assert not hasattr(AsyncClient, "close")
