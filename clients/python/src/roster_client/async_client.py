"""The client for asyncio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx

from roster_client.base import Result
from roster_client.generated.async_operations import AsyncOperations
from roster_client.runtimes import TIMEOUT_SECONDS, AsyncioRuntime
from roster_client.sessions import (
    AskForProof,
    Challenge,
    PendingLogIn,
    Session,
    SignedInUser,
    text_of_api_token,
)
from roster_client.storage import AsyncMemoryStorage, AsyncTokenStorage

if TYPE_CHECKING:
    from typing_extensions import Self


class AsyncClient(AsyncOperations):
    """Sends operations as the user who is signed in, in one event loop."""

    def __init__(
        self,
        url: str,
        *,
        api_token: str | None = None,
        storage: AsyncTokenStorage | None = None,
        on_reauthentication_required: AskForProof | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Connect to a service.

        - ``url`` is the GraphQL endpoint, such as ``https://accounts.example.com/graphql``.
        - ``api_token`` is sent in place of a session's tokens.
        - ``storage`` has the tokens of a session, by default in memory.
        - ``on_reauthentication_required`` returns a proof, and the operation is retried; or None,
          and it fails.
        - ``http`` sends the requests; the caller closes it.
        """
        if api_token and storage:
            raise TypeError("A client has either an API token or a storage.")
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT_SECONDS)
        self._closes_http = http is None
        tokens = storage or AsyncMemoryStorage(text_of_api_token(api_token))
        runtime = AsyncioRuntime(self._http)
        self._session = Session(url, runtime, tokens, on_reauthentication_required)

    async def __aenter__(self) -> Self:
        """Close the connections at the end of the block."""
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Close the connections."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; the session goes on."""
        if self._closes_http:
            await self._http.aclose()

    async def request(
        self,
        document: str,
        result: type[Result],
        variables: Mapping[str, object] | None = None,
        *,
        max_age: int | None = None,
    ) -> Result:
        """Return an operation's data as a model. Raises `RosterError`, also for rejected input.

        ``max_age`` accepts an answer that is up to so many seconds old; for single queries.
        """
        return await self._session.request(document, result, variables, max_age)

    async def is_signed_in(self) -> bool:
        """Return true if there are tokens; the session may have ended."""
        return await self._session.is_signed_in()

    async def log_in(self, login: str, password: str) -> SignedInUser | AsyncSecondFactorChallenge:
        """Sign in, or return the challenge if the user has a second factor."""
        outcome = await self._session.log_in(login, password)
        if isinstance(outcome, PendingLogIn):
            return AsyncSecondFactorChallenge(self._session, outcome)
        return outcome

    async def log_in_with_passkey(self, credential: object) -> SignedInUser:
        """Sign in with a passkey's response to `begin_passkey_authentication`."""
        return await self._session.log_in_with_passkey(credential)

    async def log_out(self) -> None:
        """End the session. Its tokens are removed even if the service cannot be reached."""
        await self._session.log_out()


class AsyncSecondFactorChallenge(Challenge):
    """The second step of a log-in, by one of ``methods`` until ``expires_at``."""

    async def verify(
        self,
        *,
        totp: str | None = None,
        recovery_code: str | None = None,
        passkey: object = None,
    ) -> SignedInUser:
        """Complete the log-in by one of these. After `InputError`, try again."""
        factor = {"totp": totp, "recoveryCode": recovery_code, "passkey": passkey}
        return await self._session.verify_second_factor(self._pending, factor)
