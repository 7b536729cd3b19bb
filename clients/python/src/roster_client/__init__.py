"""The client of Roster's GraphQL API."""

from roster_client.async_client import AsyncClient, AsyncSecondFactorChallenge
from roster_client.client import Client, SecondFactorChallenge
from roster_client.errors import (
    FieldError,
    InputError,
    NetworkError,
    RateLimitedError,
    ReauthenticationRequiredError,
    RosterError,
    UnauthenticatedError,
)
from roster_client.sessions import Reauthentication, SignedInUser
from roster_client.storage import (
    AsyncMemoryStorage,
    AsyncTokenStorage,
    MemoryStorage,
    TokenStorage,
)

__all__ = [
    "AsyncClient",
    "AsyncMemoryStorage",
    "AsyncSecondFactorChallenge",
    "AsyncTokenStorage",
    "Client",
    "FieldError",
    "InputError",
    "MemoryStorage",
    "NetworkError",
    "RateLimitedError",
    "Reauthentication",
    "ReauthenticationRequiredError",
    "RosterError",
    "SecondFactorChallenge",
    "SignedInUser",
    "TokenStorage",
    "UnauthenticatedError",
]
