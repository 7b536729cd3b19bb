"""The service of tests/system/test_python_client.py, and clients of both kinds for it."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import re
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from inspect import isawaitable
from typing import Any, Final, cast

import httpx

from roster_client import (
    AsyncClient,
    AsyncMemoryStorage,
    AsyncSecondFactorChallenge,
    Client,
    MemoryStorage,
)

KINDS: Final = ("sync", "async")


@dataclass(frozen=True)
class Service:
    """What the environment describes: a running service with users of each kind of client.

    The access token of `bob` has expired, and `charlie` authenticated long ago.
    """

    url: str
    password: str
    api_token: str
    image: str
    # By user: what a storage of a client has.
    storages: dict[str, str]

    @classmethod
    def described(cls) -> Service:
        return cls(**json.loads(os.environ["ROSTER_SERVICE"]))

    @property
    def issuer(self) -> str:
        return self.url.removesuffix("/graphql")


@dataclass
class Exchanges:
    """What clients exchange with the service, in the order of the responses."""

    responses: list[httpx.Response] = field(default_factory=list)

    def add(self, response: httpx.Response) -> None:
        self.responses.append(response)

    async def add_async(self, response: httpx.Response) -> None:
        self.responses.append(response)

    @property
    def operations(self) -> list[str]:
        found = (
            re.search(rb"(?:query|mutation) (\w+)", response.request.read())
            for response in self.responses
        )
        return [match[1].decode() if match else "" for match in found]


class Awaited:
    """An `AsyncClient`, called as `Client` is."""

    def __init__(self, awaited: Any) -> None:
        self._awaited = awaited

    # One for all, to which the connections of httpx belong.
    loop: Final = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._awaited, name)
        return self._called(attribute) if callable(attribute) else attribute

    def _called(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        async def finish(result: Awaitable[Any]) -> Any:
            return await result

        def call(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            value = self.loop.run_until_complete(finish(result)) if isawaitable(result) else result
            return Awaited(value) if isinstance(value, AsyncSecondFactorChallenge) else value

        return call


@dataclass
class Clients:
    """Makes clients of one kind."""

    kind: str
    service: Service
    exchanges: Exchanges = field(default_factory=Exchanges)

    def named(self, user: str) -> str:
        """Return the username of this kind's user."""
        return f"{user}-{self.kind}"

    @cached_property
    def http(self) -> httpx.Client | httpx.AsyncClient:
        if self.kind == "sync":
            return httpx.Client(event_hooks={"response": [self.exchanges.add]}, timeout=30)
        return httpx.AsyncClient(event_hooks={"response": [self.exchanges.add_async]}, timeout=30)

    def storage(self, user: str) -> Any:
        """Return a storage with the tokens of a user."""
        text = self.service.storages[self.named(user)]
        return MemoryStorage(text) if self.kind == "sync" else AsyncMemoryStorage(text)

    def client(self, **options: Any) -> Client:
        """Return a client whose exchanges are recorded."""
        options = {"url": self.service.url, "http": self.http} | options
        if self.kind == "sync":
            return Client(**options)
        if ask := options.get("on_reauthentication_required"):

            async def ask_async(request: Any) -> Any:
                return ask(request)

            options["on_reauthentication_required"] = ask_async
        return cast("Client", Awaited(AsyncClient(**options)))

    def close(self) -> None:
        """Close the connections of all clients."""
        if isinstance(self.http, httpx.Client):
            self.http.close()
        else:
            Awaited.loop.run_until_complete(self.http.aclose())

    def signed_in(self, user: str, **options: Any) -> Client:
        """Return a client that is signed in without a second factor."""
        client = self.client(**options)
        client.log_in(self.named(user), self.service.password)
        return client


def totp(secret: str, later: int = 0) -> str:
    """Return the code of an authenticator app (RFC 6238), ``later`` steps of 30 seconds ahead."""
    counter = struct.pack(">Q", int(time.time()) // 30 + later)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"
