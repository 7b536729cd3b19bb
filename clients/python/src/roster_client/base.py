"""What the generated operations require of a client."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

Result = TypeVar("Result", bound=BaseModel)


class BaseClient(ABC):
    """Sends operations."""

    @abstractmethod
    def request(
        self,
        document: str,
        result: type[Result],
        variables: Mapping[str, object] | None = None,
        *,
        max_age: int | None = None,
    ) -> Result:
        """Return the data of an operation, as a model."""


class AsyncBaseClient(ABC):
    """Sends operations, for asyncio."""

    @abstractmethod
    async def request(
        self,
        document: str,
        result: type[Result],
        variables: Mapping[str, object] | None = None,
        *,
        max_age: int | None = None,
    ) -> Result:
        """Return the data of an operation, as a model."""
