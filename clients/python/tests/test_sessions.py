"""Sign-in, refresh and reauthentication, with both clients against a service."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from roster_client import (
    AsyncClient,
    Client,
    InputError,
    Reauthentication,
    SecondFactorChallenge,
    UnauthenticatedError,
)
from roster_client.models import ConfirmTotpEnrollmentInput, ProofInput, SignUpInput
from tests.service import Clients, Service, totp


def username_of(client: Client) -> str | None:
    me = client.me()
    return me.username if me else None


def challenge_of(clients: Clients, client: Client, user: str) -> SecondFactorChallenge:
    challenge: Any = client.log_in(clients.named(user), clients.service.password)
    return challenge  # type: ignore[no-any-return]


def test_signs_in_queries_and_signs_out(clients: Clients) -> None:
    client = clients.client()

    user = client.log_in(clients.named("alice"), clients.service.password)

    assert not isinstance(user, SecondFactorChallenge)
    assert user.username == username_of(client) == clients.named("alice")
    client.log_out()
    assert not client.is_signed_in()
    assert username_of(client) is None


def test_device_token_survives_signing_out(clients: Clients) -> None:
    client = clients.signed_in("alice")
    client.log_out()

    client.log_in(clients.named("alice"), clients.service.password)

    bodies = [response.request.content for response in clients.exchanges.responses]
    logins = [body for body in bodies if b"mutation LogIn" in body]
    assert b'"deviceToken": null' in logins[0]
    assert b'"deviceToken": "' in logins[1]


def test_rejected_password_is_an_input_error(clients: Clients) -> None:
    client = clients.client()

    with pytest.raises(InputError) as caught:
        client.log_in(clients.named("alice"), "not the password")

    assert caught.value.code == "CREDENTIALS_INVALID"
    assert not client.is_signed_in()


def test_sign_up_reports_each_field(clients: Clients) -> None:
    client = clients.client()
    password = clients.service.password

    with pytest.raises(InputError) as caught:
        client.sign_up(SignUpInput(email="none", username="x", password=password, locale="en"))

    assert [(error.code, error.field) for error in caught.value.fields] == [
        ("EMAIL_INVALID", ("email",)),
        ("USERNAME_INVALID", ("username",)),
    ]
    assert [error.code for error in caught.value.of("username")] == ["USERNAME_INVALID"]
    name = clients.named("eve")
    email = f"{name}@example.org"
    client.sign_up(SignUpInput(email=email, username=name, password=password, locale="en"))


def test_threads_refresh_an_expired_access_token_once(sync_clients: Clients) -> None:
    storage = sync_clients.storage("bob")
    first, second = sync_clients.client(storage=storage), sync_clients.client(storage=storage)

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(username_of, [first] * 4 + [second] * 4))

    assert names == ["bob-sync"] * 8
    assert sync_clients.exchanges.operations.count("RefreshTokens") == 1


def test_tasks_refresh_an_expired_access_token_once(service: Service) -> None:
    clients = Clients("async", service)
    storage = clients.storage("bob")

    async def names() -> list[str | None]:
        hooks = {"response": [clients.exchanges.add_async]}
        async with httpx.AsyncClient(event_hooks=hooks, timeout=30) as http:
            first = AsyncClient(service.url, storage=storage, http=http)
            second = AsyncClient(service.url, storage=storage, http=http)
            answers = await asyncio.gather(*(each.me() for each in [first, second] * 4))
        return [me.username if me else None for me in answers]

    assert asyncio.run(names()) == ["bob-async"] * 8
    assert clients.exchanges.operations.count("RefreshTokens") == 1


def test_refresh_goes_on_if_its_task_is_cancelled(service: Service) -> None:
    clients = Clients("async", service)
    storage = clients.storage("carl")

    async def refresh_and_cancel() -> str | None:
        refreshing = asyncio.Event()

        async def notice(request: httpx.Request) -> None:
            if b"RefreshTokens" in request.content:
                refreshing.set()

        hooks: Any = {"request": [notice], "response": [clients.exchanges.add_async]}
        async with httpx.AsyncClient(event_hooks=hooks, timeout=30) as http:
            client = AsyncClient(service.url, storage=storage, http=http)
            first = asyncio.create_task(client.me())
            await refreshing.wait()
            first.cancel()
            me = await client.me()
        return me.username if me else None

    assert asyncio.run(refresh_and_cancel()) == "carl-async"
    assert clients.exchanges.operations.count("RefreshTokens") == 1


PROCESS = """
import sys, httpx
from roster_client import Client
from roster_client.files import FileStorage

operations = []
http = httpx.Client(event_hooks={"request": [lambda each: operations.append(each.content)]})
client = Client(sys.argv[1], storage=FileStorage(sys.argv[2]), http=http)
print(client.me().username, sum(b"RefreshTokens" in each for each in operations))
"""


def test_processes_share_tokens_in_a_file(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(service.storages["dan-sync"], encoding="utf-8")

    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, service.url, path], stdout=subprocess.PIPE, text=True
        )
        for _number in range(3)
    ]
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]

    assert [username for username, _refreshes in outputs] == ["dan-sync"] * 3
    assert sum(int(refreshes) for _username, refreshes in outputs) == 1


def test_session_that_was_ended_elsewhere_is_unauthenticated(clients: Clients) -> None:
    client = clients.signed_in("alice")
    clients.signed_in("alice").log_out_everywhere()

    with pytest.raises(UnauthenticatedError):
        client.me()

    assert not client.is_signed_in()


def test_second_factor_completes_the_log_in(clients: Clients) -> None:
    client = clients.signed_in("dora")
    secret = client.begin_totp_enrollment().secret
    assert secret
    confirmation = ConfirmTotpEnrollmentInput(code=totp(secret))
    recovery_codes = client.confirm_totp_enrollment(confirmation).recovery_codes
    assert recovery_codes
    client.log_out()

    challenge = challenge_of(clients, client, "dora")
    assert sorted(challenge.methods) == ["RECOVERY_CODE", "TOTP"]
    with pytest.raises(InputError):
        challenge.verify(totp="1")
    assert not client.is_signed_in()
    assert challenge.verify(recovery_code=recovery_codes[0]).username == clients.named("dora")
    assert username_of(client) == clients.named("dora")

    again = challenge_of(clients, client, "dora")
    assert again.verify(totp=totp(secret, 1)).username == clients.named("dora")


def test_recent_authentication_is_requested_and_the_operation_retried(clients: Clients) -> None:
    requests: list[tuple[tuple[str, ...], str | None]] = []
    proofs = ["not the password", clients.service.password]

    def prove(request: Reauthentication) -> ProofInput:
        rejected = request.rejected.code if request.rejected else None
        requests.append((request.methods, rejected))
        return ProofInput(password=proofs.pop(0))

    client = clients.client(storage=clients.storage("charlie"), on_reauthentication_required=prove)

    assert client.begin_totp_enrollment().secret
    assert requests == [(("PASSWORD",), None), (("PASSWORD",), "PASSWORD_WRONG")]
    assert clients.exchanges.operations == [
        "BeginTotpEnrollment",
        "Reauthenticate",
        "Reauthenticate",
        "BeginTotpEnrollment",
    ]
