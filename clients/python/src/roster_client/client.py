"""The client for threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import httpx

from roster_client.base import Result
from roster_client.generated.input_types import ProofInput
from roster_client.generated.operations import Operations
from roster_client.runtimes import TIMEOUT_SECONDS, ThreadRuntime, ThreadStorage, run
from roster_client.sessions import (
    Challenge,
    PendingLogIn,
    Reauthentication,
    Session,
    SignedInUser,
    text_of_api_token,
)
from roster_client.storage import MemoryStorage, TokenStorage

if TYPE_CHECKING:
    from typing_extensions import Self


class Client(Operations):
    """Sends operations as the user who is signed in, from any thread."""

    def __init__(
        self,
        url: str,
        *,
        api_token: str | None = None,
        storage: TokenStorage | None = None,
        on_reauthentication_required: Callable[[Reauthentication], ProofInput | None] | None = None,
        http: httpx.Client | None = None,
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

        async def ask(request: Reauthentication) -> ProofInput | None:
            return on_reauthentication_required and on_reauthentication_required(request)

        self._http = http or httpx.Client(timeout=TIMEOUT_SECONDS)
        self._closes_http = http is None
        tokens = storage or MemoryStorage(text_of_api_token(api_token))
        self._session = Session(url, ThreadRuntime(self._http), ThreadStorage(tokens), ask)

    def __enter__(self) -> Self:
        """Close the connections at the end of the block."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the session goes on."""
        if self._closes_http:
            self._http.close()

    def request(
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
        return run(self._session.request(document, result, variables, max_age))

    def is_signed_in(self) -> bool:
        """Return true if there are tokens; the session may have ended."""
        return run(self._session.is_signed_in())

    def log_in(self, login: str, password: str) -> SignedInUser | SecondFactorChallenge:
        """Sign in, or return the challenge if the user has a second factor."""
        outcome = run(self._session.log_in(login, password))
        if isinstance(outcome, PendingLogIn):
            return SecondFactorChallenge(self._session, outcome)
        return outcome

    def log_in_with_passkey(self, credential: object) -> SignedInUser:
        """Sign in with a passkey's response to `begin_passkey_authentication`."""
        return run(self._session.log_in_with_passkey(credential))

    def log_out(self) -> None:
        """End the session. Its tokens are removed even if the service cannot be reached."""
        run(self._session.log_out())


class SecondFactorChallenge(Challenge):
    """The second step of a log-in, by one of ``methods`` until ``expires_at``."""

    def verify(
        self,
        *,
        totp: str | None = None,
        recovery_code: str | None = None,
        passkey: object = None,
    ) -> SignedInUser:
        """Complete the log-in by one of these. After `InputError`, try again."""
        factor = {"totp": totp, "recoveryCode": recovery_code, "passkey": passkey}
        return run(self._session.verify_second_factor(self._pending, factor))
