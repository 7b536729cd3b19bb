"""The flows of both clients: sign-in, refresh, reauthentication and retry."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial

from pydantic import ValidationError

from roster_client.base import Result
from roster_client.errors import (
    ErrorDetails,
    InputError,
    NetworkError,
    ReauthenticationRequiredError,
    UnauthenticatedError,
)
from roster_client.generated import documents
from roster_client.generated.input_types import ProofInput
from roster_client.generated.log_in import LogIn, LogInLogIn
from roster_client.generated.log_in_with_passkey import (
    LogInWithPasskey,
    LogInWithPasskeyLogInWithPasskey,
)
from roster_client.generated.log_out import LogOut
from roster_client.generated.reauthenticate import Reauthenticate
from roster_client.generated.refresh_tokens import RefreshTokens
from roster_client.generated.verify_second_factor import (
    VerifySecondFactor,
    VerifySecondFactorVerifySecondFactor,
)
from roster_client.runtimes import Runtime
from roster_client.storage import AsyncTokenStorage
from roster_client.transport import Operation, Reply, decode, encode

LogInPayload = LogInLogIn | LogInWithPasskeyLogInWithPasskey | VerifySecondFactorVerifySecondFactor


@dataclass(frozen=True)
class SignedInUser:
    """The user who has signed in."""

    id: str
    username: str


@dataclass(frozen=True)
class PendingLogIn:
    """A log-in whose second step is due, by one of ``methods``."""

    methods: tuple[str, ...]
    expires_at: dt.datetime
    mfa_token: str


@dataclass(frozen=True)
class Reauthentication:
    """A request for recent authentication, within the last ``max_age`` seconds.

    ``rejected`` is why the last proof was rejected; None at first.
    """

    methods: tuple[str, ...]
    max_age: int
    rejected: InputError | None


AskForProof = Callable[[Reauthentication], Awaitable[ProofInput | None]]


@dataclass(frozen=True)
class Tokens:
    """The tokens of a session, and the one by which the service knows this device.

    The latter survives signing out. An API token is an access token without a refresh token.
    """

    access_token: str | None = None
    refresh_token: str | None = None
    device_token: str | None = None

    def dumped(self) -> str:
        """Return the text for a storage."""
        return json.dumps(asdict(self))


def text_of_api_token(api_token: str | None) -> str | None:
    """Return what a storage has in which an API token stands for a session."""
    return Tokens(api_token).dumped() if api_token else None


class Session:
    """Sends operations with the tokens of a storage."""

    def __init__(
        self, url: str, runtime: Runtime, storage: AsyncTokenStorage, ask: AskForProof | None
    ) -> None:
        """Ask for proofs of identity by ``ask``."""
        self._url = url
        self._runtime = runtime
        self._storage = storage
        self._ask = ask
        self._refreshing = runtime.shared_task()
        self._reauthenticating = runtime.shared_task()

    async def request(
        self,
        document: str,
        result: type[Result],
        variables: Mapping[str, object] | None,
        max_age: int | None = None,
    ) -> Result:
        """Return an operation's data. Raises `RosterError`, also for rejected input.

        An expired access token is refreshed, and recent authentication is requested, once each.
        """
        operation = encode(document, variables, max_age)
        reply = await self._authenticated(operation)
        error = reply.error
        if isinstance(error, ReauthenticationRequiredError) and reply.is_unexecuted:
            ask_for_proof = partial(self._ask_for_proof, error)
            if await self._reauthenticating(ask_for_proof):
                reply = await self._authenticated(operation)
        return _result_of(reply, result)

    async def is_signed_in(self) -> bool:
        """Return true if there are tokens; the session may have ended."""
        return (await self._load()).access_token is not None

    async def log_in(self, login: str, password: str) -> SignedInUser | PendingLogIn:
        """Sign in, or return the second step if the user has a second factor."""
        device_token = (await self._load()).device_token
        credentials = {"login": login, "password": password, "deviceToken": device_token}
        payload = (await self._anonymous(documents.LOG_IN_GQL, LogIn, credentials)).log_in
        pending = payload.second_factor
        if pending is None:
            return await self._sign_in(payload)
        return PendingLogIn(tuple(pending.methods), pending.expires_at, pending.mfa_token)

    async def verify_second_factor(
        self, pending: PendingLogIn, factor: Mapping[str, object]
    ) -> SignedInUser:
        """Complete a log-in by the factor that is not None."""
        given = {name: value for name, value in factor.items() if value is not None}
        variables = {"mfaToken": pending.mfa_token, "factor": given}
        document = documents.VERIFY_SECOND_FACTOR_GQL
        payload = await self._anonymous(document, VerifySecondFactor, variables)
        return await self._sign_in(payload.verify_second_factor)

    async def log_in_with_passkey(self, credential: object) -> SignedInUser:
        """Sign in with the response of a passkey."""
        document = documents.LOG_IN_WITH_PASSKEY_GQL
        variables = {"credential": credential, "transport": "TOKEN"}
        payload = await self._anonymous(document, LogInWithPasskey, variables)
        return await self._sign_in(payload.log_in_with_passkey)

    async def log_out(self) -> None:
        """End the session. Its tokens are removed even if the service cannot be reached."""
        try:
            await self.request(documents.LOG_OUT_GQL, LogOut, None)
        except UnauthenticatedError:
            pass
        finally:
            async with self._storage.lock():
                await self._save(Tokens(device_token=(await self._load()).device_token))

    async def _load(self) -> Tokens:
        text = await self._storage.load()
        return Tokens(**json.loads(text)) if text else Tokens()

    async def _save(self, tokens: Tokens) -> None:
        await self._storage.save(tokens.dumped())

    async def _send(self, operation: Operation, access_token: str | None) -> Reply:
        arguments = operation.arguments(access_token)
        return decode(await self._runtime.send("POST", self._url, **arguments))

    async def _anonymous(
        self, document: str, result: type[Result], fields: Mapping[str, object]
    ) -> Result:
        """Return the data of a mutation with an ``input`` of these fields."""
        return _result_of(await self._send(encode(document, {"input": fields}), None), result)

    async def _authenticated(self, operation: Operation) -> Reply:
        """Send an operation with the access token, and again if that has expired."""
        tokens = await self._load()
        reply = await self._send(operation, tokens.access_token)
        is_rejected = isinstance(reply.error, UnauthenticatedError) and reply.is_unexecuted
        if not (is_rejected and tokens.refresh_token):
            return reply
        refreshed: Tokens = await self._refreshing(partial(self._refresh, tokens))
        # Another user may have signed in meanwhile, whose account the operation is not for.
        if refreshed.access_token and _subject_of(refreshed) == _subject_of(tokens):
            return await self._send(operation, refreshed.access_token)
        return reply

    async def _refresh(self, rejected: Tokens) -> Tokens:
        """Return the tokens that replace rejected ones; none if the session has ended."""
        async with self._storage.lock():
            current = await self._load()
            # Another client of the storage has refreshed the tokens, or signed out.
            if current.access_token != rejected.access_token:
                return current
            variables = {"refreshToken": current.refresh_token}
            reply = await self._send(encode(documents.REFRESH_TOKENS_GQL, variables), None)
            if isinstance(reply.error, InputError):
                refreshed = Tokens(device_token=current.device_token)
            else:
                payload = _result_of(reply, RefreshTokens).refresh_tokens
                refreshed = replace(
                    current, access_token=payload.access_token, refresh_token=payload.refresh_token
                )
            await self._save(refreshed)
            return refreshed

    async def _ask_for_proof(self, error: ReauthenticationRequiredError) -> bool:
        """Ask for proofs until one is accepted; return false if there is none."""
        rejected = None
        while self._ask and (
            proof := await self._ask(Reauthentication(error.methods, error.max_age, rejected))
        ):
            operation = encode(documents.REAUTHENTICATE_GQL, {"input": {"proof": proof}})
            reply = await self._authenticated(operation)
            if not isinstance(reply.error, InputError):
                _result_of(reply, Reauthenticate)
                return True
            rejected = reply.error
        return False

    async def _sign_in(self, payload: LogInPayload) -> SignedInUser:
        """Store the tokens of a payload."""
        user = payload.user
        if not (user and payload.access_token):
            raise NetworkError("The response has no user or no tokens.")
        async with self._storage.lock():
            device_token = payload.device_token or (await self._load()).device_token
            await self._save(Tokens(payload.access_token, payload.refresh_token, device_token))
        return SignedInUser(user.id, user.username)


class Challenge:
    """What both clients' second steps of a log-in have."""

    def __init__(self, session: Session, pending: PendingLogIn) -> None:
        """Complete this log-in of the session."""
        self._session = session
        self._pending = pending
        self.methods = pending.methods
        self.expires_at = pending.expires_at


def _result_of(reply: Reply, result: type[Result]) -> Result:
    """Return the data of a reply, or raise its error."""
    if reply.error:
        raise reply.error
    try:
        return result.model_validate(reply.data)
    except ValidationError as error:
        details = ErrorDetails(data=reply.data)
        raise NetworkError("The response lacks what the schema promises.", details) from error


def _subject_of(tokens: Tokens) -> str | None:
    """Return the user of the access token, None if it is not a JWT."""
    try:
        payload = (tokens.access_token or "").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None
